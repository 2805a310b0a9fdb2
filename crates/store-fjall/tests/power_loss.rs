//! A disk that loses its power: see `store_trials::power_loss`.

use std::sync::Arc;
use store_fjall::{FjallStore, Options};

fn main() {
    store_trials::power_loss::run(|folder| match FjallStore::open(folder, &Options::default()) {
        Ok(store) => Arc::new(store),
        Err(error) => unreachable!("{error:?}"),
    });
}
