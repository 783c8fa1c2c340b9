#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/pem.h"

static bool certificate_reads(BIO *from) { return bw_pem_certificate(from) != NULL; }
static bool revocations_reads(BIO *from) { return bw_pem_revocations(from) != NULL; }
static bool request_reads(BIO *from) { return bw_pem_request(from) != NULL; }
static bool key_reads(BIO *from) { return bw_pem_key(from) != NULL; }
static bool public_key_reads(BIO *from) { return bw_pem_public_key(from) != NULL; }

static const struct {
	const char *label;
	bool (*reads)(BIO *from);
} kinds[] = {
    {"CERTIFICATE", certificate_reads},
    {"X509 CRL", revocations_reads},
    {"CERTIFICATE REQUEST", request_reads},
    {"RSA PRIVATE KEY", key_reads},
    {"PUBLIC KEY", public_key_reads},
};

static bool encrypted_reads(size_t kind)
{
	char text[512];
	int n = snprintf(text, sizeof text,
	    "-----BEGIN %s-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,000102030405060708090A0B0C0D0E0F\n\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END %s-----\n",
	    kinds[kind].label, kinds[kind].label);
	BIO *from = bw_pem_open(bw_str_make(text, (size_t)n));
	bool reads = kinds[kind].reads(from);

	BIO_free(from);
	return reads;
}

/* On a terminal on which nobody types, as that of a server which was started by hand. */
static void child(size_t kind)
{
	char asked[64];
	int terminal;
	bool reads;

	(void)setsid();
	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0 || open(ptsname(terminal), O_RDWR) < 0 || open("/dev/tty", O_RDWR) < 0)
		_exit(2);
	(void)alarm(20);
	reads = encrypted_reads(kind);
	_exit(reads || read(terminal, asked, sizeof asked) > 0);
}

TEST(pem_that_is_encrypted_asks_nobody_on_the_terminal)
{
	for (size_t i = 0; i < BW_COUNT(kinds); i++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0)
			child(i);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

TEST(pem_of_nothing_reads_nothing)
{
	for (size_t i = 0; i < BW_COUNT(kinds); i++) {
		BIO *empty = bw_pem_open(BW_STR_NONE);

		assert_false(kinds[i].reads(empty));
		assert_false(kinds[i].reads(NULL));
		BIO_free(empty);
	}
}
