/* Fields of HTTP/2 from and to lines. */
#include "edge/h2_pump.h"

struct bw_hpack_field field_make(struct bw_str name, struct bw_str value)
{
	return (struct bw_hpack_field){name, value, false};
}

bool fields_make(struct bw_str lines, bool (*skip)(struct bw_str name), struct bw_hpack_field *to, size_t max,
    size_t *count)
{
	*count = 0;
	while (lines.n) {
		struct bw_str line = bw_str_cut(&lines, '\n'), name;

		line.n -= line.n > 0;
		name = bw_str_cut(&line, ':');
		if (skip(name))
			continue;
		if (*count == max)
			return false;
		to[(*count)++] = field_make(name, bw_str_trim(line));
	}
	return true;
}

void field_put(struct bw_buf *lines, struct bw_str name, struct bw_str value)
{
	bw_buf_put(lines, name);
	bw_buf_put(lines, BW_STR(": "));
	bw_buf_put(lines, value);
	bw_buf_put(lines, BW_STR("\r\n"));
}
