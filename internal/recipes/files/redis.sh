#!/bin/sh
# Starts Redis as the user redis. What is asked for with options alone, or with
# a configuration file first, is meant for redis-server.
set -eu

case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac

# Inside of a container every client is remote: Redis's guard against remote
# clients without a password is off unless someone asks for it.
if [ "$1" = redis-server ]; then
	guarded=no
	for word in "$@"; do
		case "$word" in
		--protected-mode) guarded=yes ;;
		*.conf) grep -qs '^[[:space:]]*protected-mode' "$word" && guarded=yes ;;
		esac
	done
	[ "$guarded" = yes ] || set -- "$@" --protected-mode no
fi

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis:redis '{}' + 2>/dev/null || true # a read-only folder stays as it is
	umask 0077
	exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
fi
exec "$@"
