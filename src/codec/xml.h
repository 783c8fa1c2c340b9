/* XML 1.0 written into a buffer: the answers of the query and EC2 protocols. No indentation and no
 * declaration, as AWS answers. Names come from the model and are written as they are; that tags match is the
 * caller's care. */
#pragma once

#include "base/buf.h"

/* <name> */
void bw_xml_open(struct bw_buf *out, struct bw_str name);
/* <name xmlns="..."> */
void bw_xml_open_ns(struct bw_buf *out, struct bw_str name, struct bw_str xmlns);
/* </name> */
void bw_xml_close(struct bw_buf *out, struct bw_str name);
/* <name>text</name> */
void bw_xml_element(struct bw_buf *out, struct bw_str name, struct bw_str text);
/* Character data. & < > and " are named; a carriage return and the line ends U+0085 and U+2028, which readers
 * would turn into another, are numbered. What XML 1.0 can carry in no way (other control characters, U+FFFE,
 * U+FFFF: section 2.2; numbering them is not well-formed either, section 4.1) and bytes that are not UTF-8
 * become U+FFFD, so that an answer can always be read. */
void bw_xml_text(struct bw_buf *out, struct bw_str text);
