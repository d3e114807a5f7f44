#!/bin/bash
# Starts PostgreSQL. An empty data folder is set up first, as the variables
# POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS and
# POSTGRES_HOST_AUTH_METHOD say; each may end in _FILE and name a file instead.
set -euo pipefail

# value NAME DEFAULT sets NAME from the variable NAME or the file in NAME_FILE.
value() {
	local name=$1 file=${1}_FILE
	if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
		echo "postgres: set $name or $file, not both" >&2
		exit 1
	fi
	if [ -n "${!file:-}" ]; then
		export "$name=$(<"${!file}")"
	else
		export "$name=${!name:-${2:-}}"
	fi
	unset "$file"
}

# give_away makes the folders the server's own and starts again as its user.
give_away() {
	mkdir -p "$PGDATA" /run/postgresql
	chmod 0700 "$PGDATA" || true
	find "$PGDATA" \! -user postgres -exec chown postgres:postgres '{}' +
	find /run/postgresql \! -user postgres -exec chown postgres:postgres '{}' +
	exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH" "$0" "$@"
}

check_settings() {
	if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
		echo "postgres: the data folder is empty and POSTGRES_PASSWORD is not set." >&2
		echo "postgres: set it, or POSTGRES_HOST_AUTH_METHOD=trust to let anyone in without." >&2
		exit 1
	fi
}

# as_admin runs psql on the server that listens on a socket alone.
as_admin() {
	PGHOST=/run/postgresql PGPASSWORD=$POSTGRES_PASSWORD psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" "$@"
}

run_scripts() {
	local f
	for f in /docker-entrypoint-initdb.d/*; do
		case "$f" in
		*.sh)
			echo "postgres: running $f"
			if [ -x "$f" ]; then "$f"; else . "$f"; fi
			;;
		*.sql)
			echo "postgres: running $f"
			as_admin --dbname "$POSTGRES_DB" -f "$f"
			;;
		*.sql.gz)
			echo "postgres: running $f"
			gunzip -c "$f" | as_admin --dbname "$POSTGRES_DB"
			;;
		*) [ ! -e "$f" ] || echo "postgres: leaving out $f" ;;
		esac
	done
}

# set_up makes the data in a folder of its own and moves it into place at the
# end, PG_VERSION last: an interrupted start begins anew. The mark .moving says
# that what lies there without PG_VERSION is ours to delete.
set_up() {
	local place=$PGDATA
	rm -rf "$place/.new"
	[ ! -e "$place/.moving" ] || find "$place" -mindepth 1 -delete
	export PGDATA=$place/.new
	local words=(-D "$PGDATA" --username "$POSTGRES_USER" --encoding UTF8 --no-sync --auth-local trust)
	# The arguments are words, as the variable's name says.
	# shellcheck disable=SC2086
	if [ -n "$POSTGRES_PASSWORD" ]; then
		initdb "${words[@]}" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS
	else
		initdb "${words[@]}" $POSTGRES_INITDB_ARGS
	fi
	sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" "$PGDATA/postgresql.conf"
	printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
	pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories=/run/postgresql" -w start
	if [ "$POSTGRES_DB" != postgres ]; then
		echo 'CREATE DATABASE :"db";' | as_admin --dbname postgres --set db="$POSTGRES_DB"
	fi
	run_scripts
	pg_ctl -D "$PGDATA" -m fast -w stop
	touch "$place/.moving"
	sync
	find "$PGDATA" -mindepth 1 -maxdepth 1 \! -name PG_VERSION -exec mv -t "$place" '{}' +
	mv "$PGDATA/PG_VERSION" "$place/PG_VERSION"
	rm -rf "$PGDATA" "$place/.moving"
	export PGDATA=$place
	echo "postgres: set up; starting"
}

[ "${1:--}" = "${1#-}" ] || set -- postgres "$@"
if [ "${1:-}" = postgres ]; then
	[ "$(id -u)" != 0 ] || give_away "$@"
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		value POSTGRES_PASSWORD
		value POSTGRES_USER postgres
		value POSTGRES_DB "$POSTGRES_USER"
		value POSTGRES_INITDB_ARGS
		value POSTGRES_HOST_AUTH_METHOD scram-sha-256
		check_settings
		set_up
	fi
	set -- "$@" -c unix_socket_directories=/run/postgresql
fi
exec "$@"
