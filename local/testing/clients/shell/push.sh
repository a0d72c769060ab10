#!/usr/bin/env bash
# Pushes, adds and deletes with curl or wget. Usage: push.sh curl|wget URL USER PASSWORD
set -euo pipefail
client="$1" url="$2/metrics/job/$1" user="$3" password="$4"
# `path` is a/b, `empty` is empty.
group="path@base64/YS9i/empty@base64/=/city/Z%C3%BCrich%201%2B1"
file="$(mktemp)"
trap 'rm "$file"' EXIT
cat >"$file" <<METRICS
# HELP ${client}_jobs_total Jobs.
# TYPE ${client}_jobs_total counter
${client}_jobs_total{kind="größe"} 3
# HELP ${client}_queue_size Size.
# TYPE ${client}_queue_size gauge
${client}_queue_size 42.5
# HELP ${client}_duration_seconds Took.
# TYPE ${client}_duration_seconds histogram
${client}_duration_seconds_bucket{le="0.1"} 1
${client}_duration_seconds_bucket{le="1"} 2
${client}_duration_seconds_bucket{le="10"} 3
${client}_duration_seconds_bucket{le="+Inf"} 4
${client}_duration_seconds_sum 55.55
${client}_duration_seconds_count 4
METRICS
case "$client" in
  curl)
    send() { curl --fail --silent --show-error --user "$user:$password" "$@"; }
    send --upload-file "$file" "$url"
    send --data-binary "@$file" "$url/$group"
    send --request DELETE "$url/$group"
    ;;
  wget)
    # Without this option it sends the password only after a 401.
    send() { wget --quiet --output-document=- --auth-no-challenge --user="$user" --password="$password" "$@"; }
    send --method=PUT --body-file="$file" "$url"
    send --post-file="$file" "$url/$group"
    send --method=DELETE "$url/$group"
    ;;
esac
