# Sourced by ./run and ./check: installs what is missing, once, quietly, from Debian and npm. Needs root or sudo only when
# something is missing. The log is build/setup.log.

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config python3 libssl-dev liblmdb-dev libzstd-dev libargon2-dev libpcre2-dev
libseccomp-dev libp11-kit-dev libsodium-dev libtss2-dev"
CLIENT_PACKAGES="awscli python3-boto3 python3-cryptography"
CHECK_PACKAGES="clang lld libclang-rt-14-dev libcmocka-dev libjansson-dev libqrencode-dev nodejs npm curl openssl nftables iproute2 softhsm2 swtpm node-llhttp
nghttp2-client libnghttp2-dev wrk chromium"

say() {
	printf '%s\n' "$*" >&2
}

missing_packages() {
	for package in "$@"; do
		dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || printf '%s ' "$package"
	done
}

# A machine may bring node and npm from elsewhere: Debian's are then not asked for.
wanted_packages() {
	for package in "$@"; do
		case "$package" in
		nodejs) command -v node >/dev/null || echo "$package" ;;
		npm) command -v npm >/dev/null || echo "$package" ;;
		*) echo "$package" ;;
		esac
	done
}

install_packages() {
	# shellcheck disable=SC2046
	missing=$(missing_packages $(wanted_packages "$@"))
	[ -n "$missing" ] || return 0
	mkdir -p build
	say "Installing from Debian: $missing"
	sudo=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || { say "Please run as root, or install: $missing"; exit 1; }
		sudo=sudo
	fi
	{
		$sudo apt-get -o DPkg::Lock::Timeout=300 update &&
			# shellcheck disable=SC2086
			$sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing
	} >>build/setup.log 2>&1 || { say "The installation failed; build/setup.log says why:"; tail -n 5 build/setup.log >&2; exit 1; }
}

# build_in FOLDER TARGETS... with the meson options in $MESON_OPTIONS and the compiler in $CC
build_in() {
	folder=$1
	shift
	mkdir -p build
	if [ ! -f "$folder/build.ninja" ]; then
		# shellcheck disable=SC2086
		meson setup "$folder" $MESON_OPTIONS >build/setup.log 2>&1 || { say "meson failed:"; tail -n 20 build/setup.log >&2; exit 1; }
	fi
	say "Building in $folder ..."
	ninja -C "$folder" "$@" >build/build.log 2>&1 || { say "The build failed:"; grep -E 'error|FAILED|undefined' build/build.log | head -n 20 >&2; exit 1; }
}
