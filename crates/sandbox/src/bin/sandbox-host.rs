//! The host process by itself, for the tests of this crate and for measuring. The product's binary is its own host.

fn main() {
    sandbox::host_main()
}
