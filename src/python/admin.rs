//! What operators do, for the command line: the table itself, many users at once, and
//! Google Authenticator's transfers.

mod table;
mod transfer;
mod users;

pub(super) use table::{
    Replica, Switch, SwitchState, Table, TableRequest, add_replicas, backups, create_table,
    describe_table, expiry, new_key, region, switch_backups_on, switch_expiry_on,
    switch_protection_on, table_requests,
};
pub(super) use transfer::{Transfer, TransferKey, read_transfer, write_transfer};
pub(super) use users::{
    ExportPage, ImportOutcome, Imported, ListedUser, Pending, Resealed, StoredUser, Survey,
    TablePage, UnusableUser, UserState, delete_unusable, export_users, import_users, list_users,
    reseal_users, survey_users,
};
