handler() {
    echo "handling $#" >&2
    printf '{"echo":%s}' "$1"
}
