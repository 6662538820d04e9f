//! The profile in use, and what it says about its credentials.

use std::path::{Path, PathBuf};

use aws_config::profile::{Profile, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

use super::variables::setting;
use crate::environment::variable;
use crate::store::StoreError;
use crate::store::error::Source;

/// Where a profile's first credentials are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Keys,
    Sso,
    Login,
    Process,
    WebIdentity,
    /// Another step of the chain, by `credential_source`.
    Elsewhere,
    /// It names none, or in a way that makes no sense.
    Unknown,
}

/// What `~/.aws/config` and `~/.aws/credentials` hold.
#[derive(Debug)]
pub(super) struct Profiles {
    profiles: ProfileSet,
    selected: String,
}

impl Profiles {
    /// Reads both files.
    ///
    /// # Errors
    /// [`StoreError::Configuration`] where the SDK would take a file for empty that it
    /// cannot read, or pass over a profile that is not there.
    pub(super) async fn read() -> Result<Self, StoreError> {
        let config = readable("AWS_CONFIG_FILE", ".aws/config")?;
        let credentials = readable("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")?;
        let named = setting("AWS_PROFILE")?;
        let selected = named.clone().unwrap_or_else(|| "default".to_owned());
        #[expect(deprecated, reason = "its new name is in a crate that is not for us")]
        let files = aws_config::profile::profile_file::ProfileFiles::default();
        let (fs, env) = (Fs::real(), Env::real());
        let profiles = aws_config::profile::load(&fs, &env, &files, Some(selected.clone().into()));
        let profiles = profiles.await.map_err(|error| {
            // It names file and line, and quotes neither.
            let why = std::error::Error::source(&error).map(ToString::to_string);
            StoreError::Configuration(why.unwrap_or_else(|| error.to_string()).replace("\n  ", " "))
        })?;
        if named.is_some() && profiles.get_profile(&selected).is_none() {
            let [config, credentials] = [config, credentials].map(|it| it.display().to_string());
            return Err(StoreError::Configuration(format!(
                "AWS_PROFILE names the profile {selected:?}, which is neither in {config:?} nor in \
                 {credentials:?}: see `aws configure list-profiles`"
            )));
        }
        Ok(Self { profiles, selected })
    }

    pub(super) fn selected(&self) -> &str {
        &self.selected
    }

    /// The selected profile, where the SDK would select another: to it, an empty
    /// `AWS_PROFILE` is the name of one.
    pub(super) fn by_name(&self) -> Option<&str> {
        let empty = std::env::var_os("AWS_PROFILE").is_some_and(|name| name.is_empty());
        empty.then_some(self.selected.as_str())
    }

    /// Whether the profile is meant to give credentials.
    pub(super) fn gives_credentials(&self) -> bool {
        self.profiles.get_profile(&self.selected).is_some_and(|profile| {
            profile.get("role_arn").is_some() || base_of(profile) != Base::Unknown
        })
    }

    /// The profile whose credentials all others build on, and what they are: the SDK's
    /// own way through `source_profile`.
    pub(super) fn base(&self) -> (&str, Base) {
        let mut name = self.selected.as_str();
        let mut seen = Vec::new();
        loop {
            let Some(profile) = self.profiles.get_profile(name).filter(|_| !seen.contains(&name))
            else {
                return (name, Base::Unknown);
            };
            if !seen.is_empty() && profile.get("aws_access_key_id").is_some() {
                return (name, Base::Keys);
            }
            seen.push(name);
            match profile.get("source_profile") {
                Some(next) if assumes_role(profile) && next != name => name = next,
                _ => return (name, base_of(profile)),
            }
        }
    }

    /// Whether a profile on the way asks for a code of a device, which the SDK does not.
    pub(super) fn wants_device(&self) -> bool {
        self.profiles
            .get_profile(&self.selected)
            .is_some_and(|profile| profile.get("mfa_serial").is_some())
    }

    pub(super) fn source(&self) -> Source {
        let (base, kind) = self.base();
        let renew = match kind {
            Base::Sso => format!("run `aws sso login --profile {base}`"),
            Base::Process => {
                format!("check what the credential_process of profile {base:?} prints")
            }
            _ => format!("put new credentials into profile {base:?}"),
        };
        Source { name: format!("profile {:?}", self.selected), renew }
    }

    /// Why this build cannot use the profile, if it cannot.
    pub(super) fn unsupported(&self, with_sso: bool) -> Option<StoreError> {
        let (base, kind) = self.base();
        let what = match kind {
            Base::Login => "`aws login` (login_session), which lambdatotp does not read",
            Base::Sso if !with_sso => {
                "SSO, which this build of lambdatotp leaves out (feature `sso`)"
            }
            Base::Process if !with_sso => {
                "a credential_process, which this build of lambdatotp leaves out (feature \
                 `sso`)"
            }
            _ => return None,
        };
        Some(StoreError::Configuration(format!(
            "profile {base:?} gets its credentials from {what}: hand them over with \
             eval \"$(aws configure export-credentials --profile {base} --format env)\""
        )))
    }
}

fn assumes_role(profile: &Profile) -> bool {
    profile.get("role_arn").is_some() && profile.get("web_identity_token_file").is_none()
}

/// In the SDK's own order.
fn base_of(profile: &Profile) -> Base {
    let has = |name| profile.get(name).is_some();
    if has("credential_source") {
        Base::Elsewhere
    } else if has("web_identity_token_file") {
        Base::WebIdentity
    } else if has("sso_session") || has("sso_start_url") || has("sso_account_id") {
        Base::Sso
    } else if has("login_session") {
        Base::Login
    } else if has("credential_process") {
        Base::Process
    } else if has("aws_access_key_id") || has("aws_secret_access_key") {
        Base::Keys
    } else {
        Base::Unknown
    }
}

/// Checks that a file can be read, if it is there.
fn readable(name: &str, default: &str) -> Result<PathBuf, StoreError> {
    let home = PathBuf::from(variable("HOME").unwrap_or_default());
    let path = match setting(name)? {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => path.into(),
        },
        None => home.join(default),
    };
    match std::fs::read(&path) {
        Ok(bytes) if std::str::from_utf8(&bytes).is_err() => Err(unreadable(&path, "not UTF-8")),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(unreadable(&path, &error.to_string()))
        }
        _ => Ok(path),
    }
}

fn unreadable(path: &Path, why: &str) -> StoreError {
    let path = path.display().to_string();
    StoreError::Configuration(format!("the AWS settings in {path:?} cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(deprecated, reason = "as above")]

    use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};

    use super::*;

    fn profile(settings: &str) -> Profiles {
        let text = format!("[profile dev]\n{settings}\n");
        let files = ProfileFiles::builder().with_contents(ProfileFileKind::Config, text).build();
        let (fs, env) = (Fs::from_slice(&[]), Env::from_slice(&[]));
        let profiles = aws_config::profile::load(&fs, &env, &files, Some("dev".into()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let profiles = runtime.block_on(profiles).expect("a profile");
        Profiles { profiles, selected: "dev".to_owned() }
    }

    #[test]
    fn a_build_without_sso_says_so() {
        for (settings, in_full, in_lean) in [
            ("sso_start_url = https://x\nsso_region = eu-west-1", None, Some("SSO")),
            ("credential_process = true", None, Some("credential_process")),
            ("login_session = x", Some("aws login"), Some("aws login")),
            ("aws_access_key_id = x", None, None),
        ] {
            for (with_sso, words) in [(true, in_full), (false, in_lean)] {
                let told = profile(settings).unsupported(with_sso).map(|error| error.to_string());
                assert_eq!(told.is_some(), words.is_some(), "{settings}");
                if let (Some(told), Some(words)) = (told, words) {
                    assert!(told.contains(words), "{told}");
                    assert!(told.contains("export-credentials --profile dev"), "{told}");
                }
            }
        }
    }
}
