// What runs inside a container: one POSIX shell script, which dash, bash and busybox understand, for all that is done to files there.

/**
 * `sh -c SCRIPT wherry ROOT OPERATION …`. Names come as words that printf's %b turns into their bytes (`encodeWord`). A path is walked folder
 * by folder: a symlink on the way is refused, and after each step the shell must stand where the names say, so that one that was put there
 * meanwhile leads nowhere. `serve` reads operations line by line and answers each with lines of which the last begins with `=`; the others do
 * one thing, their bytes on standard input and output, and say how it went on standard error.
 */
export const containerScript = String.raw`
LC_ALL=C; export LC_ALL; umask 022; unset CDPATH
nl='
'
d() { v=$(printf '%bX' "$1"); v=\${v%X}; [ "$v" != . ] || v=; }
enter() {
  if ! cd -P -- "$ROOT" 2>/dev/null; then
    if [ -e "$ROOT" ]; then if [ -d "$ROOT" ]; then E=permission; else E=notfolder; fi; return 1; fi
    if [ "$1" != 1 ]; then E=missing; return 1; fi
    if ! mkdir -p -- "$ROOT" 2>/dev/null || ! cd -P -- "$ROOT" 2>/dev/null; then why; return 1; fi
  fi
  at=$(pwd -P; printf X); at=\${at%"\${nl}X"}; [ "$at" != / ] || at=
}
why() {
  if [ ! -w . ]; then E=permission; return; fi
  set -- $(df -Pk . 2>/dev/null | tail -n 1)
  if [ "\${4:-1000}" -lt 100 ] 2>/dev/null; then E=space; else E=io; fi
}
walk() {
  enter "$2" || return 1
  w=$1
  while [ -n "$w" ]; do
    case $w in */*) c=\${w%%/*}; w=\${w#*/} ;; *) c=$w; w= ;; esac
    if [ -h "./$c" ]; then E=symlink; return 1; fi
    if [ ! -d "./$c" ]; then
      if [ -e "./$c" ]; then E=notfolder; return 1; fi
      if [ "$2" != 1 ]; then E=missing; return 1; fi
      mkdir "./$c" 2>/dev/null || [ -d "./$c" ] || { why; return 1; }
    fi
    cd -P "./$c" 2>/dev/null || { E=permission; return 1; }
    at=$at/$c
    p=$(pwd -P; printf X)
    if [ "$p" != "$at\${nl}X" ]; then E=symlink; return 1; fi
  done
}
part() {
  case $1 in */*) dir=\${1%/*}; b=\${1##*/} ;; *) dir=; b=$1 ;; esac
}
find_file() {
  part "$1"
  if [ -z "$b" ]; then E=isfolder; return 1; fi
  walk "$dir" "$2" || return 1
  if [ -h "./$b" ]; then E=symlink; return 1; fi
  if [ -d "./$b" ]; then E=isfolder; return 1; fi
}
is_there() { [ -e "./$1" ] || [ -h "./$1" ]; }
attributes() { stat -c '%f %s %Y %i %y' -- "$1" 2>/dev/null; }
say() { printf '%s\n' "$1"; }
op_stat() {
  d "$1"; part "$v"
  if [ -z "$b" ]; then
    if enter 0; then attributes . && say =ok; else if [ "$E" = missing ]; then say =none; else say "=err $E"; fi; fi
    return
  fi
  if ! walk "$dir" 0; then
    case $E in missing|notfolder) say =none ;; *) say "=err $E" ;; esac
    return
  fi
  if ! is_there "$b" || ! attributes "./$b"; then say =none; return; fi
  if [ -h "./$b" ]; then readlink -n "./$b" | od -An -v -tx1 | tr -d ' \n'; echo; fi
  say =ok
}
op_remove() {
  d "$1"; part "$v"
  if ! walk "$dir" 0; then
    case $E in missing|notfolder) say =ok ;; *) say "=err $E" ;; esac
    return
  fi
  if [ -d "./$b" ] && [ ! -h "./$b" ]; then rmdir "./$b" 2>/dev/null; else rm -f "./$b" 2>/dev/null; fi
  if ! is_there "$b"; then say =ok
  elif [ ! -w . ]; then say '=err permission'
  elif [ -d "./$b" ]; then say '=err notempty'; else say '=err io'; fi
}
op_mkdir() { d "$1"; if walk "$v" 1; then say =ok; else say "=err $E"; fi; }
op_link() {
  d "$1"; part "$v"
  if ! walk "$dir" 1; then say "=err $E"; return; fi
  if is_there "$b"; then say '=err taken'; return; fi
  d "$2"
  if ln -s -- "$v" "./$b" 2>/dev/null; then say =ok; else why; say "=err $E"; fi
}
op_meta() {
  d "$1"; part "$v"
  if [ -z "$b" ]; then enter 0 || { say "=err $E"; return; }; b=.
  elif ! walk "$dir" 0; then say "=err $E"; return
  elif ! is_there "$b"; then say '=err missing'; return; fi
  if [ "$3" != - ] && [ ! -h "./$b" ] && ! chmod "$3" "./$b" 2>/dev/null; then say '=err permission'; return; fi
  if [ "$2" != - ]; then
    if [ -h "./$b" ]; then h=-h; else h=; fi
    touch $h -c -d "@$2" "./$b" 2>/dev/null || touch $h -c -d "@\${2%.*}" "./$b" 2>/dev/null || { say '=err permission'; return; }
  fi
  say =ok
}
op_rename() {
  d "$1"; from=$v; d "$2"; to=$v
  part "$from"
  if ! walk "$dir" 0; then say "=err $E"; return; fi
  if ! is_there "$b"; then say '=err missing'; return; fi
  if [ "$from" = "$to" ]; then say =ok; return; fi
  case $to/ in "$from"/*) say '=err inside'; return ;; esac
  old=$at/$b
  part "$to"
  if ! walk "$dir" 1; then say "=err $E"; return; fi
  if is_there "$b"; then
    if [ "$3" != 1 ] || [ -d "./$b" ] || [ -d "$old" ]; then say '=err taken'; return; fi
  fi
  if [ -f "$old" ] && [ ! -h "$old" ]; then sync "$old" 2>/dev/null; fi
  if [ "$3" != 1 ] && [ -f "$old" ] && [ ! -h "$old" ] && ln "$old" "./$b" 2>/dev/null; then rm -f "$old"
  elif is_there "$b" && [ "$3" != 1 ]; then say '=err taken'; return
  elif ! mv -f "$old" "./$b" 2>/dev/null; then why; say "=err $E"; return; fi
  sync . 2>/dev/null
  say =ok
}
op_space() {
  if ! enter 0; then cd /; fi
  df -Pk . 2>/dev/null | tail -n 1
  say =ok
}
op_abilities() {
  for p in stat dd find xargs sha256sum od touch mv; do if command -v "$p" >/dev/null 2>&1; then say "$p"; fi; done
  say =ok
}
serve() {
  while IFS=' ' read -r op one two three; do
    case $op in
      stat|remove|mkdir|link|meta|rename|space|abilities|list|get|put|hash) "op_$op" "$one" "$two" "$three" ;;
      *) say '=err unknown' ;;
    esac
  done
}
once_write() {
  d "$1"
  if [ "$2" = 0 ]; then make=1; else make=0; fi
  if ! find_file "$v" $make; then say "=err $E" >&2; return; fi
  if [ "$2" != 0 ]; then
    size=$(stat -c %s "./$b" 2>/dev/null) || { say '=err missing' >&2; return; }
    if [ "$size" -lt "$2" ]; then say '=err short' >&2; return; fi
  fi
  say =go >&2
  if ! dd of="./$b" bs=262144 iflag=fullblock oflag=seek_bytes seek="$2" conv=fsync 2>/dev/null; then why; say "=err $E" >&2; return; fi
  say "=ok $(stat -c %s "./$b")" >&2
}
once_read() {
  d "$1"
  if ! find_file "$v" 0; then say "=err $E" >&2; return; fi
  size=$(stat -c %s "./$b" 2>/dev/null) || { say '=err missing' >&2; return; }
  if [ ! -r "./$b" ]; then say '=err permission' >&2; return; fi
  say "=go $size" >&2
  if [ "$2" -lt "$size" ]; then
    dd if="./$b" bs=262144 iflag=skip_bytes skip="$2" 2>/dev/null || { say '=err io' >&2; return; }
  fi
  say =ok >&2
}
once_hash() {
  d "$1"
  if ! find_file "$v" 0; then say "=err $E" >&2; return; fi
  if [ ! -e "./$b" ]; then say '=err missing' >&2; return; fi
  sha256sum < "./$b" || { say '=err io' >&2; return; }
  say =ok >&2
}
once_list() {
  d "$1"
  if ! walk "$v" 0; then say "=err $E" >&2; return; fi
  say =go >&2
  rows
  say =ok >&2
}
rows() {
  { find . -mindepth 1 -print0 2>/dev/null || printf '/\0'; } | xargs -0 -n 200 sh -c '
    look() { stat -c "%f %s %Y %i %y" -- "$@" 2>/dev/null; }
    tell() { printf "=%s\n%s\n" "$#" "$o"; for f; do printf "%s\0" "$f"; if [ -h "$f" ]; then readlink -n "$f"; fi; printf "\0"; done; }
    [ $# -gt 0 ] || exit 0
    if o=$(look "$@"); then tell "$@"; else for one; do if o=$(look "$one"); then tell "$one"; fi; done; fi' wherry
  say "=end $?"
}
op_list() {
  d "$1"
  if ! walk "$v" 0; then say "=err $E"; return; fi
  if ! command -v base64 >/dev/null 2>&1; then say =big; return; fi
  n=$(find . -mindepth 1 -print0 2>/dev/null | tr -dc '\0' | head -c 1001 | wc -c)
  if [ "$n" -gt 1000 ]; then say =big; return; fi
  rows | base64
  say =ok
}
once_many() {
  say =go >&2
  last=; stands=0
  while IFS=' ' read -r n word; do
    d "$word"; part "$v"
    if [ $stands = 0 ] || [ "$dir" != "$last" ]; then
      stands=0
      if ! walk "$dir" 0; then say "=$n err $E"; continue; fi
      last=$dir; stands=1
    fi
    E=
    if [ -h "./$b" ]; then E=symlink; elif [ -d "./$b" ]; then E=isfolder
    elif [ ! -e "./$b" ]; then E=missing; elif [ ! -r "./$b" ]; then E=permission; fi
    if [ -z "$E" ]; then o=$(attributes "./$b") || E=missing; fi
    if [ -n "$E" ]; then say "=$n err $E"; continue; fi
    say "=$n $o"
    set -- $o
    if [ "$2" != 0 ]; then head -c "$2" "./$b"; fi
    echo
  done
  say =ok >&2
}
op_get() {
  d "$1"
  if ! find_file "$v" 0; then say "=err $E"; return; fi
  size=$(stat -c %s "./$b" 2>/dev/null) || { say '=err missing'; return; }
  if [ ! -r "./$b" ]; then say '=err permission'; return; fi
  if [ $((size - $2)) -gt "$3" ] || ! command -v base64 >/dev/null 2>&1; then say =big; return; fi
  if [ "$2" -lt "$size" ]; then dd if="./$b" bs=262144 iflag=skip_bytes skip="$2" 2>/dev/null | base64; fi
  say "=ok $((size > $2 ? size - $2 : 0))"
}
op_put() {
  d "$1"
  if find_file "$v" 1; then
    if [ "$2" = 0 ]; then : > "./$b"
    else dd of="./$b" bs="$2" count=1 iflag=fullblock conv=fsync; fi 2>/dev/null && { say =ok; return; }
    why
  elif [ "$2" != 0 ]; then dd of=/dev/null bs="$2" count=1 iflag=fullblock 2>/dev/null; fi
  say "=err $E"
}
op_hash() {
  d "$1"
  if ! find_file "$v" 0; then say "=err $E"; return; fi
  size=$(stat -c %s "./$b" 2>/dev/null) || { say '=err missing'; return; }
  if [ "$size" -gt "$2" ]; then say =big; return; fi
  sha256sum < "./$b" 2>/dev/null
  say =ok
}
ROOT=$1; op=$2; shift 2
case $op in serve) serve ;; *) "once_$op" "$@" ;; esac
`.replaceAll('\\$', '$');

/** A word of any bytes as printf's %b reads it: everything but plain letters as octal. */
export function encodeWord(bytes: Uint8Array): string {
  let word = '';
  for (const byte of bytes) {
    word += isPlain(byte) ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`;
  }
  return word;
}

/** Letters, digits, `-`, `.`, `/` and `_`. */
function isPlain(byte: number): boolean {
  return (
    (byte >= 0x2d && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f
  );
}
