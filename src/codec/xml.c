#include "codec/xml.h"

#include "codec/utf8.h"

/* What stands in place of a code point; absent: itself. */
static struct bw_str replacement(uint32_t code)
{
	switch (code) {
	case '&':
		return BW_STR("&amp;");
	case '<':
		return BW_STR("&lt;");
	case '>':
		return BW_STR("&gt;");
	case '"':
		return BW_STR("&quot;");
	case '\r':
		return BW_STR("&#xD;");
	case 0x85:
		return BW_STR("&#x85;");
	case 0x2028:
		return BW_STR("&#x2028;");
	case '\t':
	case '\n':
		return BW_STR_NONE;
	default:
		return code < 0x20 || code == 0xfffe || code == 0xffff ? BW_STR("\xef\xbf\xbd") : BW_STR_NONE;
	}
}

/* ASCII that stands for itself. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '&' && c != '<' && c != '>' && c != '"';
}

static size_t plain_run(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && is_plain((unsigned char)p[i]))
		i++;
	return i;
}

void bw_xml_text(struct bw_buf *out, struct bw_str text)
{
	size_t begin = 0, n;
	uint32_t code;

	for (size_t at = 0; at < text.n; at += n) {
		struct bw_str instead;

		n = plain_run(text.p + at, text.n - at);
		if (n)
			continue;
		n = bw_utf8_decode(text, at, &code);
		instead = n ? replacement(code) : BW_STR("\xef\xbf\xbd");
		n += n == 0;
		if (!bw_str_set(instead))
			continue;
		bw_buf_put(out, bw_str_sub(text, begin, at - begin));
		bw_buf_put(out, instead);
		begin = at + n;
	}
	bw_buf_put(out, bw_str_sub(text, begin, text.n));
}

void bw_xml_open(struct bw_buf *out, struct bw_str name)
{
	bw_buf_put_c(out, '<');
	bw_buf_put(out, name);
	bw_buf_put_c(out, '>');
}

void bw_xml_open_ns(struct bw_buf *out, struct bw_str name, struct bw_str xmlns)
{
	bw_buf_put_c(out, '<');
	bw_buf_put(out, name);
	bw_buf_put(out, BW_STR(" xmlns=\""));
	bw_xml_text(out, xmlns);
	bw_buf_put(out, BW_STR("\">"));
}

void bw_xml_close(struct bw_buf *out, struct bw_str name)
{
	bw_buf_put(out, BW_STR("</"));
	bw_buf_put(out, name);
	bw_buf_put_c(out, '>');
}

void bw_xml_element(struct bw_buf *out, struct bw_str name, struct bw_str text)
{
	bw_xml_open(out, name);
	bw_xml_text(out, text);
	bw_xml_close(out, name);
}
