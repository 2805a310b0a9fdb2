//! [`Caller`]: who calls, as far as requests tell it.

use asl::{Arn, Resource};
use engine::{Account, Origin};
use http::request::Parts;
use json::Text;

/// For whom an operation acts. Any credentials are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// From the credential scope of the signature.
    pub region: Text,
    /// From the configuration.
    pub account: Text,
    /// Of the signature; `None` for unsigned requests and for calls in process.
    pub access_key: Option<Text>,
    /// The X-Ray trace header of the request.
    pub trace_header: Option<Text>,
    /// The call of a task that is made in process.
    pub origin: Option<Origin>,
}

/// No Region has a longer name.
const REGION_LEN_MAX: usize = 32;
/// Of `traceHeader` in StartExecution.
const TRACE_HEADER_LEN_MAX: usize = 256;

impl Caller {
    pub(crate) fn of(request: &Parts, account: &Text, default_region: &Text) -> Caller {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let credential = header("authorization")
            .and_then(credential_of_header)
            .or_else(|| request.uri.query().and_then(credential_of_query));
        let scope = credential.and_then(Scope::read);
        Caller {
            region: scope.as_ref().map_or_else(|| default_region.clone(), |scope| scope.region.into()),
            account: account.clone(),
            access_key: scope.map(|scope| scope.access_key.into()),
            trace_header: header("x-amzn-trace-id")
                .filter(|header| header.len() <= TRACE_HEADER_LEN_MAX)
                .map(Text::from),
            origin: None,
        }
    }

    /// The ARN of a resource of the caller's account and Region.
    pub(crate) fn arn(&self, resource: Resource) -> Arn {
        Arn::of_states(&self.region, &self.account, resource)
    }

    /// The account and Region in the form that the engine wants.
    pub(crate) fn scope(&self) -> Account {
        let Arn { partition, region, account, .. } = self.arn(Resource::Other(Text::default()));
        Account { partition, region, account }
    }
}

/// `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/states/aws4_request, SignedHeaders=…, Signature=…`
fn credential_of_header(authorization: &str) -> Option<&str> {
    let (_, after) = authorization.split_once("Credential=")?;
    after.split([',', ' ']).next()
}

/// Of a presigned request: `X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fstates%2Faws4_request`
fn credential_of_query(query: &str) -> Option<&str> {
    query.split('&').find_map(|parameter| parameter.strip_prefix("X-Amz-Credential="))
}

struct Scope<'a> {
    access_key: &'a str,
    region: &'a str,
}

impl Scope<'_> {
    fn read(credential: &str) -> Option<Scope<'_>> {
        // The slashes of a presigned request are escaped.
        let separator = ["/", "%2F", "%2f"].into_iter().find(|separator| credential.contains(separator))?;
        let mut parts = credential.split(separator);
        let (access_key, _date, region) = (parts.next()?, parts.next()?, parts.next()?);
        // The region becomes part of ARNs and keys, so it must look like one.
        let looks_right = (1..=REGION_LEN_MAX).contains(&region.len())
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        looks_right.then_some(Scope { access_key, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authorization: Option<&str>, uri: &str, region: &str, access_key: Option<&str>) {
        let mut request = http::Request::post(uri);
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let caller = Caller::of(&parts, &"123456789012".into(), &"us-east-1".into());
        assert_eq!((&*caller.region, caller.access_key.as_deref()), (region, access_key), "{authorization:?} {uri}");
    }

    #[test]
    fn region_and_access_key_come_from_the_credential_scope() {
        let signed =
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-3/states/aws4_request, SignedHeaders=host, Signature=0";
        check(Some(signed), "/", "eu-west-3", Some("AKID"));
        check(Some(&signed.replace(", ", ",")), "/", "eu-west-3", Some("AKID"));
        let presigned =
            "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Fcn-north-1%2Fstates%2Faws4_request";
        check(None, presigned, "cn-north-1", Some("AKID"));
        check(None, "/", "us-east-1", None);
        for nonsense in ["", "Basic eDp5", "Credential=", "Credential=a/b", "Credential=a/b/Not a region/states/x"] {
            check(Some(nonsense), "/", "us-east-1", None);
        }
    }
}
