//! The watcher as a stream in tokio: `cargo run --features tokio --example tokio`.
//!
//! It only reads, and needs no privilege.

use waypost::{Error, Event, Watcher};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut events = Watcher::open()?.into_tokio_stream()?;
    while let Some(event) = events.next().await {
        match event? {
            Event::Synchronised => println!("{} routes", events.watcher().mirror().tables().len()),
            event => println!("{event:?}"),
        }
    }
    Ok(())
}
