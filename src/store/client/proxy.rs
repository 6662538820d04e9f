//! The proxy that variables ask for, as boto3 reads them: `HTTPS_PROXY` or `HTTP_PROXY`
//! by the endpoint's scheme, unless `NO_PROXY` names its host; lower case first.

use aws_smithy_http_client::proxy::ProxyConfig;

use crate::store::StoreError;

/// What never goes through a proxy when credentials are fetched: what is on this
/// machine or this link hands them out to its own workload alone.
const OF_THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10,fd00:ec2::/32";

/// The proxies of those who give credentials, by scheme.
#[derive(Debug, Clone)]
pub(super) struct Proxies {
    pub(super) http: Option<ProxyConfig>,
    pub(super) https: Option<ProxyConfig>,
}

impl Proxies {
    pub(super) fn for_credentials() -> Result<Self, StoreError> {
        let mut exceptions = exceptions("")?;
        if exceptions.as_deref() == Some("*") {
            return Ok(Self { http: None, https: None });
        }
        let listed = exceptions.get_or_insert_default();
        listed.push(',');
        listed.push_str(OF_THIS_MACHINE);
        let http = proxy("HTTP_PROXY")?.map(|url| config(true, &url, listed)).transpose()?;
        let https = proxy("HTTPS_PROXY")?.map(|url| config(false, &url, listed)).transpose()?;
        Ok(Self { http, https })
    }

    /// The proxy on the way to the table, if there is one.
    pub(super) fn to(
        endpoint_url: Option<&str>,
        plain: bool,
    ) -> Result<Option<ProxyConfig>, StoreError> {
        let name = if plain { "HTTP_PROXY" } else { "HTTPS_PROXY" };
        let Some(url) = proxy(name)? else { return Ok(None) };
        let exceptions = exceptions(authority(endpoint_url.unwrap_or_default()))?;
        if exceptions.as_deref() == Some("*") {
            return Ok(None);
        }
        config(plain, &url, exceptions.as_deref().unwrap_or_default()).map(Some)
    }
}

/// A variable in lower or upper case. Set but empty, the one in lower case says no.
fn either_case(name: &'static str) -> Result<Option<String>, StoreError> {
    let lower = name.to_ascii_lowercase();
    let mut value = std::env::var_os(&lower);
    // A CGI server puts a client's header `Proxy` under this name.
    let from_client = name == "HTTP_PROXY" && std::env::var_os("REQUEST_METHOD").is_some();
    if value.is_none() && !from_client {
        value = std::env::var_os(name);
    }
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    value.into_string().map(Some).map_err(|_| {
        StoreError::Configuration(format!("{name} is not UTF-8 text: set it again, or unset it"))
    })
}

/// A proxy's URL. The value may hold a password, so it is not shown.
fn proxy(name: &'static str) -> Result<Option<String>, StoreError> {
    let Some(value) = either_case(name)? else { return Ok(None) };
    let url = if let Some(rest) = value.strip_prefix("//") {
        format!("http://{rest}")
    } else if value.contains("://") {
        value
    } else {
        format!("http://{value}")
    };
    let host = authority(&url).rsplit('@').next().unwrap_or_default();
    let port = host.rsplit(']').next().and_then(|rest| rest.split_once(':'));
    let known = port.is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 0));
    if known && ProxyConfig::all(url.as_str()).is_ok() {
        return Ok(Some(url));
    }
    Err(StoreError::Configuration(format!(
        "{name} is not a proxy URL: set it to http://host:port or \
         http://user:password@host:port, with special characters in the password percent-encoded"
    )))
}

fn config(plain: bool, url: &str, exceptions: &str) -> Result<ProxyConfig, StoreError> {
    let made = if plain { ProxyConfig::http(url) } else { ProxyConfig::https(url) };
    match made {
        Ok(config) => Ok(config.no_proxy(exceptions)),
        Err(_) => Err(StoreError::Configuration("invalid proxy URL".to_owned())),
    }
}

/// The hosts to reach without a proxy. One with a port counts for that port alone, and
/// `*` alone for all, as boto3 has it; the HTTP client knows neither rule.
fn exceptions(authority: &str) -> Result<Option<String>, StoreError> {
    let Some(value) = either_case("NO_PROXY")? else { return Ok(None) };
    if value.trim() == "*" {
        return Ok(Some("*".to_owned()));
    }
    let hosts = value.split(',').map(str::trim).filter(|entry| *entry != "*");
    let hosts = hosts.filter_map(|entry| {
        let (name, port) = with_port(entry);
        let counts = port.is_none() || entry.eq_ignore_ascii_case(authority);
        counts.then_some(name.trim_start_matches('[').trim_end_matches(']'))
    });
    Ok(Some(hosts.collect::<Vec<_>>().join(",")))
}

/// A host and its port. The colons of an IPv6 address do not belong to a port, outside brackets.
fn with_port(entry: &str) -> (&str, Option<&str>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => {
            (name, Some(port))
        }
        _ => (entry, None),
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The host and port of a URL, and who asks, as written.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
