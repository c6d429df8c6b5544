#!/bin/bash
# make-root.sh PROGRAM FOLDER: what `podman build FOLDER` makes the image of: FOLDER/Containerfile and
# FOLDER/root. PROGRAM is a pprofd built here (build/release/pprofd); the libraries that it asks for are
# taken from this machine. Times are SOURCE_DATE_EPOCH's, where it is set.
set -euo pipefail

[ $# = 2 ] && [ -x "$1" ] || { echo "usage: make-root.sh PROGRAM FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
umask 022
mkdir -p "$2"
out=$(cd "$2" && pwd)
[ -e "$out/Containerfile" ] || [ -z "$(ls -A "$out")" ] || {
  echo "make-root.sh: error: $out holds something else" >&2
  echo "hint: give a folder that is empty or not there" >&2
  exit 1
}
cp "$here/Containerfile" "$out/Containerfile"
rm -rf "$out/root"
root=$out/root
mkdir -p "$root"/{etc/pprofd,etc/ssl/certs,usr/bin,usr/lib/x86_64-linux-gnu,usr/lib64,proc,sys,dev,run/pprofd,tmp}
mkdir -p "$root"/var/{lib/pprofd,cache/pprofd,tmp} "$root/usr/share/doc/pprofd"
ln -s usr/bin "$root/bin"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"

install -m 755 "$1" "$root/usr/bin/pprofd"
strip --strip-debug "$root/usr/bin/pprofd"
# libcurl is loaded where requests are made: ldd does not find it in the program.
curl=$(/sbin/ldconfig -p | sed -n 's/^\tlibcurl\.so\.4 .*x86-64.* => //p' | head -1)
[ -n "$curl" ] || { echo "make-root.sh: error: libcurl.so.4 is not installed" >&2; exit 1; }
# "NAME => PATH (ADDRESS)", and the loader alone by its path.
{ echo "$curl" && ldd "$1" "$curl" | sed -nE 's/^\t(.* => )?(\/[^ ]+) .*/\2/p'; } | sort -u | while read -r library; do
  case $library in
    */ld-linux-*) cp -L "$library" "$root/usr/lib64/" ;;
    *) cp -L "$library" "$root/usr/lib/x86_64-linux-gnu/" ;;
  esac
done

cat >"$root/etc/passwd" <<TEXT
root:x:0:0:root:/:/nonexistent
nobody:x:65534:65534:nobody:/nonexistent:/nonexistent
pprofd:x:65532:65532:pprofd:/var/lib/pprofd:/nonexistent
TEXT
cat >"$root/etc/group" <<TEXT
root:x:0:
nogroup:x:65534:
pprofd:x:65532:
TEXT
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
install -m 644 "$here/../../systemd/pprofd.toml" "$root/etc/pprofd/pprofd.toml"
install -m 644 "$here/../copyright" "$root/usr/share/doc/pprofd/copyright"
chown -R 0:0 "$root" 2>/dev/null || true
chown -R 65532:65532 "$root"/var/{lib,cache}/pprofd "$root/run/pprofd" 2>/dev/null || true
chmod 1777 "$root/tmp" "$root/var/tmp"
[ -z "${SOURCE_DATE_EPOCH:-}" ] || find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
