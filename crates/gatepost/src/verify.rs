//! `gatepost verify`: opens the store and the spool of a folder that no server uses, and says what is wrong.

use std::path::Path;

use gatepost_clock::Clock;
use gatepost_delivery::{Delivery, Settings};
use gatepost_store::Store;

use crate::data_folder::DataFolder;

/// Checks a folder; prints each problem.
pub(crate) fn run(folder: &Path) -> Result<(), String> {
    let folder = DataFolder::take_existing(folder).map_err(|e| e.to_string())?;
    let store = Store::open(&folder.database()).map_err(|e| e.to_string())?;
    let mut problems = store.verify().map_err(|e| e.to_string())?;
    let settings = Settings { hold: true, ..Settings::in_folder(folder.path()) };
    let delivery = Delivery::open(store, Clock::system(), settings).map_err(|e| e.to_string())?;
    problems.extend(delivery.verify());
    delivery.stop();
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("{}: nothing wrong", folder.path().display());
            Ok(())
        }
        count => Err(format!("{}: {count} problems", folder.path().display())),
    }
}
