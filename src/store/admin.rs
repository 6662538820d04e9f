//! What operators do: the table itself, and many users at once. Lambda's build has none
//! of it.

mod history;
mod import;
mod reseal;
mod scan;
mod table;

pub use history::{Pending, UserState};
pub use import::{Imported, ImportedUser, TOGETHER, import_id};
pub use scan::{Listed, Page, PageRequest, StoredUser, Tombstone};
pub use table::{Replica, Switch, Table, TableRequest};
