#!/bin/sh
# Makes a certificate authority, and the certificate of a server, that expire at the end of the year 9999.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
new_key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }
cat > "$work/openssl.cnf" <<'CONFIG'
[ca]
default_ca = authority
[authority]
database = $ENV::WORK/index.txt
new_certs_dir = $ENV::WORK
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, DNS:*.eu-west-1.amazonaws.com, IP:127.0.0.1
CONFIG
export WORK="$work"
: > "$work/index.txt"
sign() { openssl ca -batch -notext -config "$work/openssl.cnf" -startdate 20000101000000Z -enddate 99991231235959Z "$@"; }
new_key "$work/root.key"
new_key server.key
openssl req -new -key "$work/root.key" -subj "/CN=An authority of one's own" -out "$work/root.csr"
openssl req -new -key server.key -subj "/CN=localhost" -out "$work/server.csr"
sign -selfsign -keyfile "$work/root.key" -extensions root -in "$work/root.csr" -out root.pem
sign -cert root.pem -keyfile "$work/root.key" -extensions server -in "$work/server.csr" -out server.pem
