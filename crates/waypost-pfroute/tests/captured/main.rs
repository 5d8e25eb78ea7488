//! The codec against bytes from real kernels: see `tests/data/README.md`.

mod captures;
mod constructed;
mod damage;
mod golden;
mod layout;
mod lift;
mod mib2;
mod record;
mod requests;
mod systems;
