/* Authorities' keys, wrapped anew under a newer main key. */
#include "core/rekey.h"
#include "svc/acm_pca/pca.h"

static enum bw_err key_find(struct bw_snapshot *view, struct bw_arena *a, struct bw_str key,
    struct bw_str value, struct bw_keyer_material *out)
{
	struct bw_str rest = key, account = bw_str_cut(&rest, '/'), region = bw_str_cut(&rest, '/');
	struct acm_pca_CertificateAuthorityConfiguration c = {0};
	struct pca_authority authority;

	(void)view;
	TRY(bw_record_decode(&pca_authority_record, value, a, &authority));
	TRY(bw_shape_unpack(acm_pca_CertificateAuthorityConfiguration_shape, authority.configuration, a, &c));
	*out = (struct bw_keyer_material){.account = account,
	    .region = region,
	    .key_id = bw_arena_printf(a, "acm-pca/%.*s", BW_FMT(authority.id)),
	    .material_id = authority.material_id,
	    .version = 1,
	    .spec = pca_key_spec(c.KeyAlgorithm),
	    .wrapped = authority.wrapped};
	return BW_OK;
}

static enum bw_err key_replace(
    struct bw_arena *a, struct bw_str value, struct bw_str wrapped, struct bw_buf *out)
{
	struct pca_authority authority;

	TRY(bw_record_decode(&pca_authority_record, value, a, &authority));
	authority.wrapped = wrapped;
	bw_record_encode(&pca_authority_record, &authority, out);
	return out->failed ? BW_ETOOBIG : BW_OK;
}

BW_REKEY(pca_keys, .part = "acm-pca/authority/", .find = key_find, .replace = key_replace);
