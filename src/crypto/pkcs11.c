#include "crypto/pkcs11.h"

#include <dlfcn.h>
#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>

#include "base/sys.h"

enum {
	NONCE = 12,
	TAG = 16,
	KEY_BYTES = 32,
	SLOTS_MAX = 256,     /* tokens are told apart by label, not by how many there are */
	LABEL_MAX = 32,      /* CK_TOKEN_INFO's field, filled up with blanks */
	PIN_MAX = 255,       /* CloudHSM's "user:password" is the longest that is known: 64 */
	PLAIN_MAX = 1 << 20, /* nothing that is sealed here is longer; lengths fit every module's types */
};

_Static_assert(NONCE + TAG == BW_PKCS11_OVERHEAD, "what the header promises");

struct bw_pkcs11 {
	void *module;
	struct ck_function_list *call;
	ck_session_handle_t session;
	bool initialised; /* by us: then we finalise, too */
	bool opened;
};

/* ---- Errors ---- */

/* What is not in the table is the token's failure. */
static const struct {
	ck_rv_t rv;
	enum bw_err err;
} errors[] = {
    {CKR_OK, BW_OK},
    {CKR_PIN_INCORRECT, BW_EPERM},
    {CKR_PIN_INVALID, BW_EPERM},
    {CKR_PIN_LEN_RANGE, BW_EPERM},
    {CKR_PIN_EXPIRED, BW_EPERM},
    {CKR_PIN_LOCKED, BW_EPERM},
    {CKR_USER_PIN_NOT_INITIALIZED, BW_EPERM},
    /* Whoever logged in before gave a PIN; ours was not looked at. */
    {CKR_USER_ALREADY_LOGGED_IN, BW_EEXISTS},
    {CKR_ENCRYPTED_DATA_INVALID, BW_ECORRUPT},
    {CKR_ENCRYPTED_DATA_LEN_RANGE, BW_ECORRUPT},
};

static enum bw_err error_of(ck_rv_t rv, const char *what)
{
	for (size_t i = 0; i < BW_COUNT(errors); i++)
		if (errors[i].rv == rv)
			return errors[i].err;
	bw_log(BW_LOG_ERROR, "PKCS #11: %s: error 0x%lx", what, rv);
	return BW_EIO;
}

/* ---- Opening ---- */

static enum bw_err module_load(struct bw_pkcs11 *t, const char *path)
{
	struct ck_c_initialize_args args = {.flags = CKF_OS_LOCKING_OK};
	ck_rv_t (*list)(struct ck_function_list **);
	ck_rv_t rv;

	t->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!t->module) {
		bw_log(BW_LOG_ERROR, "PKCS #11: %s", dlerror());
		return BW_EINVAL;
	}
	*(void **)&list = dlsym(t->module, "C_GetFunctionList");
	if (!list || list(&t->call) != CKR_OK || !t->call || t->call->version.major != 2) {
		bw_log(BW_LOG_ERROR, "PKCS #11: %s is no module of version 2", path);
		return BW_EINVAL;
	}
	rv = t->call->C_Initialize(&args);
	t->initialised = rv == CKR_OK;
	return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? BW_OK : error_of(rv, "C_Initialize");
}

static bool slot_has(struct bw_pkcs11 *t, ck_slot_id_t slot, struct bw_str token)
{
	struct ck_token_info info;
	size_t n = LABEL_MAX;

	if (t->call->C_GetTokenInfo(slot, &info) != CKR_OK || !(info.flags & CKF_TOKEN_INITIALIZED))
		return false;
	while (n && (info.label[n - 1] == ' ' || info.label[n - 1] == 0))
		n--;
	return bw_str_eq(bw_str_make(info.label, n), token);
}

static enum bw_err slot_find(struct bw_pkcs11 *t, struct bw_str token, ck_slot_id_t *out)
{
	ck_slot_id_t slots[SLOTS_MAX];
	unsigned long n = SLOTS_MAX;
	unsigned found = 0;

	TRY(error_of(t->call->C_GetSlotList(true, slots, &n), "C_GetSlotList"));
	for (unsigned long i = 0; i < n; i++)
		if (slot_has(t, slots[i], token)) {
			*out = slots[i];
			found++;
		}
	CHECK(found, BW_ENOTFOUND);
	return found == 1 ? BW_OK : BW_EEXISTS;
}

static enum bw_err token_open(struct bw_pkcs11 *t, struct bw_str token, struct bw_str pin)
{
	unsigned char copy[PIN_MAX];
	ck_slot_id_t slot = 0;
	ck_rv_t rv;

	TRY(slot_find(t, token, &slot));
	rv = t->call->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->session);
	TRY(error_of(rv, "C_OpenSession"));
	t->opened = true;
	memcpy(copy, pin.p, pin.n);
	rv = t->call->C_Login(t->session, CKU_USER, copy, pin.n);
	bw_wipe(copy, sizeof copy);
	return error_of(rv, "C_Login");
}

enum bw_err bw_pkcs11_new(
    struct bw_str module, struct bw_str token, struct bw_str pin, struct bw_pkcs11 **out)
{
	struct bw_pkcs11 *t;
	char *path;
	enum bw_err e;

	CHECK(module.n && module.p[0] == '/' && !memchr(module.p, 0, module.n), BW_EINVAL);
	CHECK(token.n && token.n <= LABEL_MAX && pin.n && pin.n <= PIN_MAX, BW_EINVAL);
	t = bw_alloc(sizeof *t);
	path = bw_strdup(module);
	e = module_load(t, path);
	bw_free(path);
	if (e == BW_OK)
		e = token_open(t, token, pin);
	if (e != BW_OK) {
		bw_pkcs11_free(t);
		return e;
	}
	*out = t;
	return BW_OK;
}

/* Closing a token's last session logs out, as finalising does. The module stays loaded: some leave threads or
 * handlers behind that would run into nothing. */
void bw_pkcs11_free(struct bw_pkcs11 *t)
{
	if (!t)
		return;
	if (t->opened)
		(void)t->call->C_CloseSession(t->session);
	if (t->initialised)
		(void)t->call->C_Finalize(NULL);
	bw_free(t);
}

/* ---- Keys ---- */

static struct ck_attribute attribute(ck_attribute_type_t type, const void *value, size_t n)
{
	return (struct ck_attribute){type, (void *)(uintptr_t)value, n};
}

enum bw_err bw_pkcs11_find(
    struct bw_pkcs11 *t, struct bw_str label, struct bw_str id, struct bw_pkcs11_key *out)
{
	const ck_object_class_t class = CKO_SECRET_KEY;
	const ck_key_type_t type = CKK_AES;
	struct ck_attribute wanted[4] = {
	    attribute(CKA_CLASS, &class, sizeof class), attribute(CKA_KEY_TYPE, &type, sizeof type)};
	ck_object_handle_t found[2];
	unsigned long n = 2, count = 0;
	ck_rv_t rv;

	if (bw_str_set(label))
		wanted[n++] = attribute(CKA_LABEL, label.p, label.n);
	if (bw_str_set(id))
		wanted[n++] = attribute(CKA_ID, id.p, id.n);
	TRY(error_of(t->call->C_FindObjectsInit(t->session, wanted, n), "C_FindObjectsInit"));
	rv = t->call->C_FindObjects(t->session, found, 2, &count);
	(void)t->call->C_FindObjectsFinal(t->session);
	TRY(error_of(rv, "C_FindObjects"));
	CHECK(count, BW_ENOTFOUND);
	CHECK(count == 1, BW_EEXISTS);
	out->handle = found[0];
	return BW_OK;
}

enum bw_err bw_pkcs11_make(
    struct bw_pkcs11 *t, struct bw_str label, struct bw_str id, struct bw_pkcs11_key *out)
{
	struct ck_mechanism how = {.mechanism = CKM_AES_KEY_GEN};
	const unsigned char yes = 1, no = 0;
	const unsigned long bytes = KEY_BYTES;
	struct ck_attribute as[] = {
	    attribute(CKA_TOKEN, &yes, 1),
	    attribute(CKA_PRIVATE, &yes, 1),
	    attribute(CKA_SENSITIVE, &yes, 1),
	    attribute(CKA_EXTRACTABLE, &no, 1),
	    attribute(CKA_ENCRYPT, &yes, 1),
	    attribute(CKA_DECRYPT, &yes, 1),
	    attribute(CKA_WRAP, &no, 1),
	    attribute(CKA_UNWRAP, &no, 1),
	    attribute(CKA_VALUE_LEN, &bytes, sizeof bytes),
	    attribute(CKA_LABEL, label.p, label.n),
	    attribute(CKA_ID, id.p, id.n),
	};
	ck_object_handle_t made = 0;

	TRY(error_of(t->call->C_GenerateKey(t->session, &how, as, BW_COUNT(as), &made), "C_GenerateKey"));
	out->handle = made;
	return BW_OK;
}

enum bw_err bw_pkcs11_destroy(struct bw_pkcs11 *t, struct bw_pkcs11_key key)
{
	return error_of(t->call->C_DestroyObject(t->session, key.handle), "C_DestroyObject");
}

enum bw_err bw_pkcs11_random(struct bw_pkcs11 *t, void *out, size_t n)
{
	return error_of(t->call->C_GenerateRandom(t->session, out, n), "C_GenerateRandom");
}

/* ---- Sealing ---- */

static struct ck_gcm_params gcm(unsigned char nonce[NONCE], struct bw_str aad)
{
	return (struct ck_gcm_params){.iv_ptr = nonce,
	    .iv_len = NONCE,
	    .iv_bits = NONCE * 8,
	    .aad_ptr = (unsigned char *)(uintptr_t)aad.p,
	    .aad_len = aad.n,
	    .tag_bits = TAG * 8};
}

enum bw_err bw_pkcs11_seal(
    struct bw_pkcs11 *t, struct bw_pkcs11_key key, struct bw_str aad, struct bw_str plain, struct bw_buf *out)
{
	unsigned char *at;
	unsigned long n = plain.n + TAG;
	struct ck_gcm_params how;
	struct ck_mechanism mechanism = {CKM_AES_GCM, &how, sizeof how};

	CHECK(plain.n <= PLAIN_MAX, BW_ETOOBIG);
	at = (unsigned char *)bw_buf_room(out, plain.n + BW_PKCS11_OVERHEAD);
	CHECK(at != NULL, BW_ETOOBIG);
	/* Tokens that insist on a nonce of their own write it here. */
	bw_random(at, NONCE);
	how = gcm(at, aad);
	TRY(error_of(t->call->C_EncryptInit(t->session, &mechanism, key.handle), "C_EncryptInit"));
	TRY(error_of(
	    t->call->C_Encrypt(t->session, (unsigned char *)(uintptr_t)plain.p, plain.n, at + NONCE, &n),
	    "C_Encrypt"));
	CHECK(n == plain.n + TAG, BW_EIO);
	out->n += NONCE + n;
	return BW_OK;
}

/* Some modules have one general error for a wrong tag and for a token that is gone. */
static enum bw_err decrypt_error(struct bw_pkcs11 *t, ck_rv_t rv)
{
	struct ck_session_info info;

	if (rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED)
		return t->call->C_GetSessionInfo(t->session, &info) == CKR_OK ? BW_ECORRUPT : BW_EIO;
	return error_of(rv, "C_Decrypt");
}

enum bw_err bw_pkcs11_unseal(struct bw_pkcs11 *t, struct bw_pkcs11_key key, struct bw_str aad,
    struct bw_str sealed, struct bw_arena *arena, struct bw_str *plain)
{
	unsigned char nonce[NONCE], *to;
	unsigned long n = sealed.n;
	struct ck_gcm_params how = gcm(nonce, aad);
	struct ck_mechanism mechanism = {CKM_AES_GCM, &how, sizeof how};
	enum bw_err e;

	*plain = BW_STR_NONE;
	CHECK(sealed.n >= BW_PKCS11_OVERHEAD && sealed.n <= PLAIN_MAX + BW_PKCS11_OVERHEAD, BW_ECORRUPT);
	memcpy(nonce, sealed.p, NONCE);
	to = bw_arena_alloc(arena, sealed.n);
	TRY(error_of(t->call->C_DecryptInit(t->session, &mechanism, key.handle), "C_DecryptInit"));
	e = decrypt_error(t, t->call->C_Decrypt(t->session, (unsigned char *)(uintptr_t)sealed.p + NONCE,
	                         sealed.n - NONCE, to, &n));
	if (e == BW_OK && n != sealed.n - BW_PKCS11_OVERHEAD)
		e = BW_ECORRUPT;
	if (e != BW_OK) {
		bw_wipe(to, sealed.n);
		return e;
	}
	*plain = bw_str_make(to, n);
	return BW_OK;
}
