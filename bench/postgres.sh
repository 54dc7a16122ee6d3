# A private PostgreSQL for a benchmark, to be sourced: its programs are in $bin, it lives in $dir, also
# the socket, and is called with $as before the command; gone when the script ends.
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
dir=$(mktemp -d)
as=
if [ "$(id -u)" = 0 ]; then
    as='setpriv --reuid=postgres --regid=postgres --clear-groups'
    chown postgres "$dir"
fi
trap '$as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

$as "$bin/initdb" -N -A trust -U isthmus -E UTF8 --no-locale -k -D "$dir/data" >/dev/null
$as "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -o "-k $dir -c listen_addresses= \
    -c max_connections=120 -c shared_buffers=512MB -c max_wal_size=8GB -c jit=off" start >/dev/null
$as "$bin/createdb" -h "$dir" -U isthmus bench
conninfo="host=$dir user=isthmus dbname=bench"

# Copies Bundles to $dir/bundles, unpacked.
unpack() {
    mkdir "$dir/bundles"
    for file; do
        case $file in
        *.gz) gunzip -c "$file" >"$dir/bundles/$(basename "$file" .gz)" ;;
        *) cp "$file" "$dir/bundles/" ;;
        esac
    done
}
