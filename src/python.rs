//! The Python module `lambdatotp._lambdatotp`: everything that names PyO3.

// Python reads these comments as docstrings, which are not Markdown.
#![allow(clippy::doc_markdown)]

#[cfg(feature = "admin")]
mod admin;
mod arguments;
mod errors;
mod guard;
#[cfg(unix)]
mod letterbox;
mod otp;
mod pyotp;
mod qr;
mod results;
mod runtime;
mod verifier;

/// Native half of the package lambdatotp; import that instead.
#[pyo3::pymodule]
mod _lambdatotp {
    #[cfg(feature = "admin")]
    #[pymodule_export]
    use super::admin::{
        ExportPage, ImportOutcome, Imported, ListedUser, Pending, Replica, Resealed, StoredUser,
        Survey, Switch, SwitchState, Table, TablePage, TableRequest, Transfer, TransferKey,
        UnusableUser, UserState, add_replicas, backups, create_table, delete_unusable,
        describe_table, expiry, export_users, import_users, list_users, new_key, read_transfer,
        region, reseal_users, survey_users, switch_backups_on, switch_expiry_on,
        switch_protection_on, table_requests, write_transfer,
    };
    #[cfg(feature = "embedded")]
    #[pymodule_export]
    use super::guard::injected::_panic_next;
    #[pymodule_export]
    use super::otp::{Hotp, KeyUri, Secret, Totp};
    #[pymodule_export]
    use super::pyotp::{_pyotp_key, PyotpKey};
    #[cfg(feature = "admin")]
    #[pymodule_export]
    use super::qr::_qr_terminal_within;
    #[pymodule_export]
    use super::qr::{qr_data_uri, qr_png, qr_svg, qr_terminal};
    #[pymodule_export]
    use super::results::{_user_status, _verification, Enrollment, UserStatus, Verification};
    #[pymodule_export]
    use super::verifier::{_embedded_call, Verifier};

    #[pymodule_init]
    #[expect(clippy::unnecessary_wraps, reason = "as PyO3 calls it")]
    fn init(_module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::guard::install();
        Ok(())
    }

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
    #[pymodule_export]
    const MAX_RECOVERY_CODES: usize = crate::verifier::MAX_RECOVERY_CODES;
    #[cfg(feature = "admin")]
    #[pymodule_export]
    const MAX_TRANSFER_KEYS: usize = crate::otp::KEYS_A_PAYLOAD;
}
