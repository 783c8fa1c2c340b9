/* The steps of the head parser that scan runs of bytes. http1_head.c includes this once for each twin, with
 * TWIN(name) giving a step's or scan's name and TWIN_TARGET the instruction set it is compiled for: what is
 * inlined must agree in it. */

TWIN_TARGET static int TWIN(parse_method)(struct cursor *c, struct bw_http_request *out)
{
	const char *q = TWIN(scan_token)(c->p, c->end);

	if (q - c->p > METHOD_MAX)
		return 501;
	if (q == c->end)
		return MORE;
	if (q == c->p || *q != ' ')
		return 400;
	out->method = bw_str_make(c->p, (size_t)(q - c->p));
	c->p = q + 1;
	return 0;
}

TWIN_TARGET static int TWIN(parse_target)(struct cursor *c, struct bw_http_request *out)
{
	const char *q = TWIN(scan_target)(c->p, c->end);

	if (q == c->end)
		return MORE;
	if (q == c->p || *q != ' ')
		return 400;
	out->target = bw_str_make(c->p, (size_t)(q - c->p));
	c->p = q + 1;
	return 0;
}

TWIN_TARGET static int TWIN(parse_request_line)(struct cursor *c, struct bw_http_request *out)
{
	int status;

	if ((status = TWIN(parse_method)(c, out)) || (status = TWIN(parse_target)(c, out)) ||
	    (status = parse_version(c, out)) || (status = split_target(out)))
		return status;
	return line_end(c);
}

TWIN_TARGET static int TWIN(parse_header)(struct cursor *c, struct bw_http_header *out)
{
	const char *name = c->p, *q = TWIN(scan_token)(c->p, c->end), *value_end;

	if (q == c->end)
		return MORE;
	if (q == name || *q != ':') /* also a folded line, which begins with a space */
		return 400;
	out->name = bw_str_make(name, (size_t)(q - name));
	c->p = q + 1;
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
	out->value.p = c->p;
	c->p = TWIN(scan_value)(c->p, c->end);
	value_end = c->p;
	while (value_end > out->value.p && (value_end[-1] == ' ' || value_end[-1] == '\t'))
		value_end--;
	out->value.n = (size_t)(value_end - out->value.p);
	return line_end(c);
}

TWIN_TARGET static int TWIN(parse_headers)(struct cursor *c, struct bw_http_request *out)
{
	struct framing f = {0};
	int status;

	for (out->header_count = 0; c->p < c->end && *c->p != '\r'; out->header_count++) {
		struct bw_http_header *h = &out->headers[out->header_count];

		if (out->header_count == BW_HTTP_HEADERS_MAX)
			return 431;
		if ((status = TWIN(parse_header)(c, h)) != 0)
			return status;
		framing_note(&f, h);
	}
	status = line_end(c);
	return status ? status : framing_check(&f, out);
}

TWIN_TARGET static enum bw_err TWIN(parse_head)(
    struct bw_str bytes, struct bw_http_request *out, size_t *head_n, int *status)
{
	size_t n = bytes.n < BW_HTTP_HEAD_MAX ? bytes.n : BW_HTTP_HEAD_MAX;
	struct cursor c = {bytes.p, bytes.p + n};
	int answer = TWIN(parse_request_line)(&c, out), too_long = 414;

	if (answer == 0) {
		answer = TWIN(parse_headers)(&c, out);
		too_long = 431;
	}
	if (answer == MORE && n < BW_HTTP_HEAD_MAX)
		return BW_EAGAIN;
	*status = answer == MORE ? too_long : answer;
	*head_n = (size_t)(c.p - bytes.p);
	return *status ? BW_EINVAL : BW_OK;
}
