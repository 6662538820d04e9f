//! Which certificates are trusted.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::environment::path;
use crate::store::StoreError;

/// Makes connectors of what they have in common.
pub(super) type Make = Box<dyn Fn(ConnectorBuilder) -> Connector + Send + Sync>;

/// Connectors over TLS, or for plain http: certificates cost milliseconds to read.
pub(super) fn connectors(plain: bool) -> Result<Make, StoreError> {
    if plain {
        return Ok(Box::new(ConnectorBuilder::build_http));
    }
    let trusted = trusted()?;
    Ok(Box::new(move |builder| {
        let builder = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
        match &trusted {
            Some(context) => builder.tls_context(context.clone()).build(),
            None => builder.build(),
        }
    }))
}

/// The authorities to trust, unless the library is to look for them.
fn trusted() -> Result<Option<TlsContext>, StoreError> {
    let Some((path, named_by)) = bundle() else { return Ok(None) };
    match (read(&path), named_by) {
        (Ok(pem), _) => trusting(pem).map(Some),
        // The system's own file cannot be used: the library looks for others.
        (Err(_), None) => Ok(None),
        (Err(why), Some(name)) => {
            Err(StoreError::Configuration(format!("{name} {}: {why}", path.display())))
        }
    }
}

/// The one file of certificates to trust, and the variable that names it, if one does:
/// `AWS_CA_BUNDLE`, as everywhere at AWS; OpenSSL's, as on this system; otherwise the
/// system's bundle. The folder beside that holds the same certificates once more, a file
/// each, and takes milliseconds to read.
fn bundle() -> Option<(PathBuf, Option<&'static str>)> {
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        if let Some(path) = path(name) {
            return Some((path, Some(name)));
        }
    }
    // macOS and Windows keep them in a store of their own.
    if !cfg!(target_os = "linux") || path("SSL_CERT_DIR").is_some() {
        return None;
    }
    openssl_probe::probe().cert_file.map(|path| (path, None))
}

/// The usable certificates of a PEM file, as PEM. The client takes a certificate that
/// its verifier cannot read for a bug, and panics: such ones are left out.
fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut pem = String::with_capacity(text.len());
    for certificate in CertificateDer::pem_slice_iter(&text).flatten() {
        if webpki::anchor_from_trusted_cert(&certificate).is_ok() {
            pem.push_str("-----BEGIN CERTIFICATE-----\n");
            data_encoding::BASE64.encode_append(&certificate, &mut pem);
            pem.push_str("\n-----END CERTIFICATE-----\n");
        }
    }
    if pem.is_empty() {
        return Err("it holds no usable PEM certificates".to_owned());
    }
    Ok(pem)
}

fn trusting(pem: String) -> Result<TlsContext, StoreError> {
    let store = TrustStore::empty().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map_err(|_| StoreError::Configuration("TLS cannot be set up".to_owned()))
}
