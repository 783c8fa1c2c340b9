#include "test.h"

#include "codec/xml.h"

#define assert_text(s, want)                                                                                 \
	do {                                                                                                 \
		struct bw_buf b_;                                                                            \
		bw_buf_init(&b_, 4096);                                                                      \
		bw_xml_text(&b_, s);                                                                         \
		assert_str(bw_buf_str(&b_), want);                                                           \
		bw_buf_free(&b_);                                                                            \
	} while (0)

TEST(xml_text_is_escaped)
{
	assert_text(BW_STR_NONE, "");
	assert_text(BW_STR("plain 'text'"), "plain 'text'");
	assert_text(BW_STR("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
	assert_text(BW_STR("&amp;"), "&amp;amp;");
	assert_text(BW_STR("]]>"), "]]&gt;");
	assert_text(BW_STR("a\tb\nc\rd"), "a\tb\nc&#xD;d");
	assert_text(
	    BW_STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f");
	assert_text(BW_STR("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9"), "&#x85;&#x2028;\xe2\x80\xa9");
}

#define BAD "\xef\xbf\xbd"

TEST(xml_text_is_always_readable)
{
	assert_text(BW_STR("a\0b"), "a" BAD "b");
	assert_text(BW_STR("\x01\x08\x0b\x0c\x0e\x1f"), BAD BAD BAD BAD BAD BAD);
	assert_text(BW_STR("\xef\xbf\xbe\xef\xbf\xbf"), BAD BAD);
	assert_text(BW_STR("\xff"
	                   "a\xc3"),
	    BAD "a" BAD);
	assert_text(BW_STR("\xed\xa0\x80"), BAD BAD BAD);
	assert_text(BW_STR("\xc0\xbc"), BAD BAD);
}

TEST(xml_elements)
{
	struct bw_buf b;

	bw_buf_init(&b, 4096);
	bw_xml_open_ns(&b, BW_STR("R"), BW_STR("https://iam.amazonaws.com/doc/2010-05-08/\""));
	bw_xml_open(&b, BW_STR("A"));
	bw_xml_element(&b, BW_STR("B"), BW_STR("<"));
	bw_xml_element(&b, BW_STR("C"), BW_STR(""));
	bw_xml_close(&b, BW_STR("A"));
	bw_xml_close(&b, BW_STR("R"));
	assert_str(bw_buf_str(&b),
	    "<R xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/&quot;\"><A><B>&lt;</B><C></C></A></R>");
	bw_buf_free(&b);
}
