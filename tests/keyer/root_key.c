#include "fixture.h"
#include "keyer/root_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[80];

static void setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/bulwark-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/root", folder);
}

static void teardown(void)
{
	remove(path);
	assert_int_equal(rmdir(folder), 0);
}

static void file_write(const char *text, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static enum bw_err read_of(const char *text)
{
	struct bw_secret key;
	enum bw_err err;

	file_write(text, strlen(text), 0600);
	err = bw_root_key_read(bw_str_c(path), &key);
	bw_secret_free(&key);
	return err;
}

#define HEX    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

TEST(root_key_reads_both_spellings)
{
	static const char *const texts[] = {HEX, HEX "\n", BASE64, BASE64 "\n"};
	struct bw_secret key;

	setup();
	for (size_t i = 0; i < BW_COUNT(texts); i++) {
		file_write(texts[i], strlen(texts[i]), 0400);
		assert_ok(bw_root_key_read(bw_str_c(path), &key));
		assert_int_equal(key.n, 32);
		for (size_t j = 0; j < 32; j++)
			assert_int_equal(key.p[j], j);
		bw_secret_free(&key);
		remove(path);
	}
	teardown();
}

TEST(root_key_refuses_every_other_text)
{
	setup();
	assert_int_equal(read_of(""), BW_EINVAL);
	assert_int_equal(read_of("\n"), BW_EINVAL);
	assert_int_equal(read_of(HEX "\n\n"), BW_EINVAL);
	assert_int_equal(read_of(HEX "\r\n"), BW_EINVAL);
	assert_int_equal(read_of(HEX " "), BW_EINVAL);
	assert_int_equal(read_of(" " HEX), BW_EINVAL);
	assert_int_equal(read_of(HEX HEX), BW_EINVAL);
	assert_int_equal(read_of(HEX "00"), BW_EINVAL);
	assert_int_equal(
	    read_of("g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), BW_EINVAL);
	assert_int_equal(
	    read_of("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"), BW_EINVAL);
	assert_int_equal(
	    read_of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"), BW_EINVAL);
	assert_int_equal(read_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="), BW_EINVAL);
	assert_int_equal(read_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), BW_EINVAL);
	assert_int_equal(read_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="), BW_EINVAL);
	assert_int_equal(
	    read_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"), BW_EINVAL);
	teardown();
}

TEST(root_key_refuses_a_file_others_can_read)
{
	static const mode_t modes[] = {0640, 0604, 0660, 0644, 0610, 0601, 0620, 0602};
	struct bw_secret key;

	setup();
	for (size_t i = 0; i < BW_COUNT(modes); i++) {
		file_write(HEX "\n", 65, modes[i]);
		assert_int_equal(bw_root_key_read(bw_str_c(path), &key), BW_EPERM);
		assert_null(key.p);
	}
	assert_int_equal(bw_root_key_read(bw_str_c(folder), &key), BW_EPERM);
	remove(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(bw_root_key_read(bw_str_c(path), &key), BW_EPERM);
	teardown();
}

TEST(root_key_is_made_once_with_mode_0600)
{
	struct bw_secret made, back, again;
	struct stat st;

	setup();
	assert_int_equal(bw_root_key_read(bw_str_c(path), &made), BW_ENOTFOUND);
	assert_ok(bw_root_key_make(bw_str_c(path), &made));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_ok(bw_root_key_read(bw_str_c(path), &back));
	assert_memory_equal(made.p, back.p, 32);
	assert_int_equal(bw_root_key_make(bw_str_c(path), &again), BW_EEXISTS);
	bw_secret_free(&back);
	assert_ok(bw_root_key_read(bw_str_c(path), &back));
	assert_memory_equal(made.p, back.p, 32);
	bw_secret_free(&made);
	bw_secret_free(&back);
	teardown();
}
