/* The TPM's libraries, by the names that Debian and others give them. */
#include "crypto/tpm_internal.h"

#include <dlfcn.h>
#include <pthread.h>

#include "base/sys.h"

struct tss tss;

static const struct {
	const char *library, *name;
	size_t at; /* in struct tss */
} calls[] = {
#define TSS_ROW(library, name) {library, #name, offsetof(struct tss, name)},
    TSS_CALLS(TSS_ROW)};

static bool loaded;

/* The loader counts how often a library is opened, and gives the same one. They stay to the end. */
static void load(void)
{
	for (size_t i = 0; i < BW_COUNT(calls); i++) {
		void *library = dlopen(calls[i].library, RTLD_NOW | RTLD_LOCAL);
		void *call = library ? dlsym(library, calls[i].name) : NULL;

		if (!call) {
			bw_log(BW_LOG_ERROR, "TPM: %s", dlerror());
			return;
		}
		memcpy((char *)&tss + calls[i].at, &call, sizeof call);
	}
	loaded = true;
}

enum bw_err tss_load(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	MUST(pthread_once(&once, load) == 0);
	return loaded ? BW_OK : BW_EIO;
}
