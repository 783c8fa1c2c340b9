#!/bin/sh
# A tour of real calls: starts a bulwark of its own and drives it with the stock aws CLI. The server is stopped and its folder
# removed at the end. Exit status 1 when a call answers otherwise than it should.
#   tools/tour.sh BINARY
set -u

if [ $# != 1 ] || [ ! -x "$1" ]; then
	echo "usage: tools/tour.sh BINARY" >&2
	exit 2
fi
for needed in aws curl; do
	command -v "$needed" >/dev/null || { echo "tour: please install $needed" >&2; exit 2; }
done
bulwark=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/bulwark-tour.XXXXXX") || exit 1
data=$work/data
server=
if [ -t 1 ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
else
	bold='' dim='' red='' plain=''
fi

finish() {
	status=$?
	trap - EXIT INT TERM
	if [ -n "$server" ] && kill "$server" 2>/dev/null; then
		wait "$server" 2>/dev/null
	fi
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

fail() {
	printf '%sThe tour ends here: %s%s\n' "$red" "$1" "$plain" >&2
	[ ! -s "$work/log" ] || { echo "The server said:" >&2; tail -n 20 "$work/log" >&2; }
	exit 1
}

chapter() {
	printf '\n%s%s%s\n' "$dim" "$1" "$plain"
}

# show COMMAND...: prints the command as one would type it.
show() {
	printf '\n%s$' "$bold"
	for word in "$@"; do
		case $word in
		'' | *[!A-Za-z0-9_./:=,@%+-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '%s\n' "$plain"
}

# ours WORDS...: the aws CLI at the server. Old CLIs know no AWS_ENDPOINT_URL.
ours() {
	aws --endpoint-url "$endpoint" "$@"
}

# allowed WORDS...: shows the call and its answer; it has to succeed.
allowed() {
	show aws "$@"
	ours "$@" >"$work/answer" 2>&1 || { cat "$work/answer"; fail "this call should have been allowed"; }
	cat "$work/answer"
}

# denied TEXT WORDS...: shows the call and its refusal, which has to contain the text.
denied() {
	text=$1
	shift
	show aws "$@"
	if ours "$@" >"$work/answer" 2>&1; then
		cat "$work/answer"
		fail "this call should have been denied"
	fi
	sed '/^$/d' "$work/answer"
	grep -q -F -- "$text" "$work/answer" || fail "the refusal should have said: $text"
}

# keys_from WORDS...: takes the key pair and token out of the answer of a call that gives some, without printing the secrets.
keys_from() {
	show aws "$@"
	ours "$@" --output text >"$work/keys" 2>&1 || { cat "$work/keys"; fail "no keys came"; }
	read -r new_id new_secret new_token <"$work/keys"
	printf '%s  (and its secret)\n' "$new_id"
}

become() {
	export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2"
	if [ -n "${3-}" ]; then
		export AWS_SESSION_TOKEN="$3"
	else
		unset AWS_SESSION_TOKEN
	fi
}

credential() {
	sed -n "s/^$1 *= *//p" "$data/credentials" | head -n 1
}

# Nothing of the person who looks on is used: no profile, no keys, no file.
for variable in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p'); do
	unset "$variable"
done
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true AWS_PAGER=''
export AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1 AWS_DEFAULT_OUTPUT=json

# A port that answers belongs to somebody else; should one be taken in between, the server ends and says so.
port=$((20000 + $$ % 20000))
while curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$port/"; do
	port=$((port + 1))
done
endpoint=http://127.0.0.1:$port

chapter "A server of our own, its state encrypted under a root key"
show bulwark serve --data ./data --root-key ./data.key --listen "127.0.0.1:$port"
"$bulwark" serve --data "$data" --root-key "$data.key" --listen "127.0.0.1:$port" >"$work/log" 2>&1 &
server=$!
tries=0
until curl -s -f --max-time 2 "$endpoint/_bulwark/health" >"$work/health" 2>/dev/null; do
	kill -0 "$server" 2>/dev/null || fail "the server did not start"
	tries=$((tries + 1))
	[ "$tries" -lt 300 ] || fail "the server did not answer within 30 seconds"
	sleep 0.1
done
cat "$work/health"
echo
admin_id=$(credential aws_access_key_id)
admin_secret=$(credential aws_secret_access_key)
[ -n "$admin_id$admin_secret" ] || fail "the first start left no credentials"
become "$admin_id" "$admin_secret"

chapter "The first start made an administrator"
allowed sts get-caller-identity
account=$(ours sts get-caller-identity --query Account --output text) || fail "who are we?"
allowed iam list-groups-for-user --user-name admin --query 'Groups[].GroupName'

chapter "A new user with an access key may do nothing yet, and is told why"
allowed iam create-user --user-name maya --tags Key=team,Value=payments
keys_from iam create-access-key --user-name maya --query 'AccessKey.[AccessKeyId,SecretAccessKey]'
maya_id=$new_id maya_secret=$new_secret
become "$maya_id" "$maya_secret"
denied "because no identity-based policy allows the iam:ListRoles action" iam list-roles

chapter "The administrator attaches one of AWS's own managed policies; it counts at once"
become "$admin_id" "$admin_secret"
allowed iam attach-user-policy --user-name maya --policy-arn arn:aws:iam::aws:policy/IAMReadOnlyAccess
become "$maya_id" "$maya_secret"
allowed iam list-roles --query 'Roles[].RoleName'
denied "is not authorized to perform: iam:DeleteUser" iam delete-user --user-name admin

chapter "A policy that denies wins over all that allow"
become "$admin_id" "$admin_secret"
allowed iam put-user-policy --user-name maya --policy-name no-roles --policy-document \
	'{"Version":"2012-10-17","Statement":[{"Sid":"NoRoles","Effect":"Deny","Action":"iam:ListRoles","Resource":"*"}]}'
become "$maya_id" "$maya_secret"
denied "with an explicit deny in an identity-based policy" iam list-roles

chapter "A role for those of the payments team, for fifteen minutes at a time"
become "$admin_id" "$admin_secret"
allowed iam create-role --role-name deployer --query Role.Arn --assume-role-policy-document \
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$account:user/maya\"},\"Action\":\"sts:AssumeRole\",\"Condition\":{\"StringEquals\":{\"aws:PrincipalTag/team\":\"payments\"}}}]}"
allowed iam put-role-policy --role-name deployer --policy-name groups --policy-document \
	'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:CreateGroup","Resource":"arn:aws:iam::*:group/app-*"}]}'
become "$maya_id" "$maya_secret"
keys_from sts assume-role --role-arn "arn:aws:iam::$account:role/deployer" --role-session-name maya --duration-seconds 900 \
	--query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]'
become "$new_id" "$new_secret" "$new_token"
allowed sts get-caller-identity
allowed iam create-group --group-name app-web --query Group.Arn
denied "is not authorized to perform: iam:CreateGroup" iam create-group --group-name admins

chapter "Every call left its record, the refused ones too, sealed and chained"
show bulwark trail list --data ./data --root-key ./data.key
sleep 1
"$bulwark" trail list --data "$data" --root-key "$data.key" >"$work/trail" 2>&1 || { cat "$work/trail"; fail "the trail cannot be read"; }
cat "$work/trail"
for event in CreateUser CreateAccessKey ListRoles AttachUserPolicy AssumeRole CreateGroup AccessDenied; do
	grep -q "$event" "$work/trail" || fail "the trail does not tell of $event"
done
show bulwark trail verify --data ./data --root-key ./data.key
"$bulwark" trail verify --data "$data" --root-key "$data.key" || fail "the trail does not verify"

chapter "The end: the server finishes what is in work and stops"
kill "$server" || fail "the server was gone already"
wait "$server"
status=$?
server=
[ "$status" = 0 ] || fail "the server ended with status $status"
echo "Everything answered as it should."
