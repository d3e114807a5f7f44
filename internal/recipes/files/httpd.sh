#!/bin/sh
# Runs Apache in the foreground; a pid file of a run before must not stop it.
set -eu
rm -f /run/httpd.pid
exec apache2 -f /usr/local/apache2/conf/httpd.conf -DFOREGROUND "$@"
