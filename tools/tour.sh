#!/bin/sh
# tour.sh BULWARK: what an identity's life is like, told by the stock aws CLI against a server of its own, which is gone
# afterwards. Every line of output is real.
set -eu
bulwark=$(realpath "$1")
work=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
bold= dim= plain=
if [ -t 1 ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[36m') plain=$(printf '\033[0m')
fi

"$bulwark" serve --data "$work/data" --root-key "$work/root.key" --listen "127.0.0.1:$port" --log-level error >"$work/log" 2>&1 &
server=$!
finish() {
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

tries=0
until "$bulwark" status --endpoint "http://127.0.0.1:$port" >/dev/null 2>&1; do
	tries=$((tries + 1))
	if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
		cat "$work/log" >&2
		exit 1
	fi
	sleep 0.1
done

chapter() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# Shows a command as one would type it, and what came of it. CLIs that do not know AWS_ENDPOINT_URL are told the endpoint.
aws() {
	printf '%s$ aws' "$dim"
	for word in "$@"; do
		case "$word" in
		*[!A-Za-z0-9_./:=,@-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '%s\n' "$plain"
	command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@" 2>&1 | sed '/^$/d; s/^/  /'
}

# The value at .A.B of a JSON text.
member() {
	python3 -c 'import json, sys
at = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    at = at[name]
print(at)' "$1"
}

quiet_aws() {
	command aws --endpoint-url "$AWS_ENDPOINT_URL" --output json "$@"
}

become() {
	AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 AWS_SESSION_TOKEN=${3-}
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	if [ -n "$AWS_SESSION_TOKEN" ]; then export AWS_SESSION_TOKEN; else unset AWS_SESSION_TOKEN; fi
}

eval "$("$bulwark" env --data "$work/data" --root-key "$work/root.key")"
AWS_PAGER= AWS_DEFAULT_OUTPUT=json AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
export AWS_PAGER AWS_DEFAULT_OUTPUT AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_EC2_METADATA_DISABLED
admin_id=$AWS_ACCESS_KEY_ID admin_secret=$AWS_SECRET_ACCESS_KEY

chapter "1. The first start made an administrator. Who am I?"
aws sts get-caller-identity
account=$(quiet_aws sts get-caller-identity | member Account)

chapter "2. A user and an access key"
aws iam create-user --user-name alice --tags Key=team,Value=payments
key=$(quiet_aws iam create-access-key --user-name alice)
printf '%s$ aws iam create-access-key --user-name alice%s\n  (%s; the secret is shown once, so not here)\n' "$dim" "$plain" \
	"$(printf %s "$key" | member AccessKey.AccessKeyId)"
alice_id=$(printf %s "$key" | member AccessKey.AccessKeyId)
alice_secret=$(printf %s "$key" | member AccessKey.SecretAccessKey)

chapter "3. As alice: denied, and told why"
become "$alice_id" "$alice_secret"
aws iam list-users --query 'Users[].UserName'

chapter "4. The administrator attaches a policy, and she may"
become "$admin_id" "$admin_secret"
aws iam attach-user-policy --user-name alice --policy-arn arn:aws:iam::aws:policy/IAMReadOnlyAccess
become "$alice_id" "$alice_secret"
aws iam list-users --query 'Users[].UserName'

chapter "5. An explicit denial wins over what is allowed"
become "$admin_id" "$admin_secret"
aws iam put-user-policy --user-name alice --policy-name no-keys --policy-document \
	'{"Version":"2012-10-17","Statement":{"Sid":"NoKeys","Effect":"Deny","Action":"iam:ListAccessKeys","Resource":"*"}}'
become "$alice_id" "$alice_secret"
aws iam list-access-keys --user-name alice

chapter "6. A role that trusts alice alone"
become "$admin_id" "$admin_secret"
aws iam create-role --role-name auditor --query Role.Arn --assume-role-policy-document \
	"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$account:user/alice\"},\"Action\":\"sts:AssumeRole\"}}"
aws iam attach-role-policy --role-name auditor --policy-arn arn:aws:iam::aws:policy/SecurityAudit
become "$alice_id" "$alice_secret"
session=$(quiet_aws sts assume-role --role-arn "arn:aws:iam::$account:role/auditor" --role-session-name tour --duration-seconds 900)
printf '%s$ aws sts assume-role --role-arn arn:aws:iam::%s:role/auditor --role-session-name tour --duration-seconds 900%s\n  %s until %s\n' \
	"$dim" "$account" "$plain" "$(printf %s "$session" | member AssumedRoleUser.Arn)" \
	"$(printf %s "$session" | member Credentials.Expiration)"
become "$(printf %s "$session" | member Credentials.AccessKeyId)" "$(printf %s "$session" | member Credentials.SecretAccessKey)" \
	"$(printf %s "$session" | member Credentials.SessionToken)"
aws sts get-caller-identity
aws iam list-roles --query 'Roles[].RoleName'
aws iam delete-role --role-name auditor

chapter "7. All of it stands in the audit trail, which nobody can change unseen"
sleep 1
printf '%s$ bulwark trail list%s\n' "$dim" "$plain"
"$bulwark" trail --data "$work/data" --root-key "$work/root.key" list | sed 's/^/  /'
printf '%s$ bulwark trail verify%s\n' "$dim" "$plain"
"$bulwark" trail --data "$work/data" --root-key "$work/root.key" verify | sed 's/^/  /'

chapter "That was a server of its own, gone now. ./run starts one that stays."
