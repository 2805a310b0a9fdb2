//! Whom an `https` endpoint must be vouched for by: an authority that the system trusts, or one of a file, and then no other.

use super::Error;
use ::http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{path::Path, sync::Arc};

pub(super) type Connector = HttpsConnector<HttpConnector>;

/// Connects to `url`, which begins with `http://` or `https://`.
pub(super) fn connector(url: &Uri, ca_file: Option<&Path>) -> Result<Connector, Error> {
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| Error::Tls { source })?;
    let trusting = match ca_file {
        Some(path) => versions.with_root_certificates(authorities(path)?),
        None if is_https(url) => versions.with_native_roots().map_err(|source| Error::NoAuthorities { source })?,
        None => versions.with_root_certificates(RootCertStore::empty()),
    };
    let config = trusting.with_no_client_auth();
    Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build())
}

/// Whether TLS is spoken with who is at `url`.
pub fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

/// The authorities in a file of certificates in PEM.
pub fn authorities(path: &Path) -> Result<RootCertStore, Error> {
    let unusable = |why: String| Error::CaFile { path: path.to_owned(), why };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    let mut authorities = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        authorities.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if authorities.is_empty() {
        return Err(unusable("it has no certificate in PEM".to_owned()));
    }
    Ok(authorities)
}
