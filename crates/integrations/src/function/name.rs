//! [`FunctionName`]: the ways in which a `FunctionName` names a function.

/// Lambda's rule for names, as its validation error shows it.
pub const NAME_PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?";

/// A name (`f`, `f:PROD`), a partial ARN (`123456789012:function:f`) or a whole ARN, with or without a qualifier.
///
/// Local functions are found by their name alone: region and account may be those of the place where the definition
/// usually runs, and all versions and aliases lead to the one function there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    name: String,
    qualifier: Option<String>,
    partition: Option<String>,
    region: Option<String>,
    account: Option<String>,
}

impl FunctionName {
    /// `None` if Lambda would not take it as a name.
    pub fn parse(text: &str) -> Option<FunctionName> {
        let mut parts = text.split(':').peekable();
        let (mut partition, mut region, mut account) = (None, None, None);
        if parts.next_if_eq(&"arn").is_some() {
            partition = Some(parts.next().filter(|partition| partition.starts_with("aws"))?.to_owned());
            parts.next_if_eq(&"lambda")?;
            region = Some(parts.next()?.to_owned());
            account = Some(parts.next().filter(|account| is_account(account))?.to_owned());
            parts.next_if_eq(&"function")?;
        } else {
            account = parts.next_if(|part| is_account(part)).map(str::to_owned).or(account);
            parts.next_if_eq(&"function");
        }
        let name = parts.next().filter(|name| is_word(name))?.to_owned();
        let qualifier = parts.next().map(str::to_owned);
        let is_qualifier = |text: &str| text == "$LATEST" || is_word(text);
        if parts.next().is_some() || !qualifier.as_deref().is_none_or(is_qualifier) {
            return None;
        }
        Some(FunctionName { name, qualifier, partition, region, account })
    }

    /// The `Qualifier` parameter, where the name has none.
    #[must_use]
    pub fn with_qualifier(mut self, qualifier: Option<&str>) -> FunctionName {
        self.qualifier = self.qualifier.or_else(|| qualifier.map(str::to_owned));
        self
    }

    /// The function's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ExecutedVersion`: the version that was asked for, otherwise the latest.
    pub fn version(&self) -> String {
        let is_version = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        self.qualifier.as_deref().filter(is_version).unwrap_or("$LATEST").to_owned()
    }

    /// The whole ARN; what the name leaves open is the caller's.
    pub fn arn(&self, region: &str, account: &str) -> String {
        let partition = self.partition.as_deref().unwrap_or("aws");
        let region = self.region.as_deref().unwrap_or(region);
        let account = self.account.as_deref().unwrap_or(account);
        let qualifier = self.qualifier.as_ref().map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
        format!("arn:{partition}:lambda:{region}:{account}:function:{}{qualifier}", self.name)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, version: &str, arn: &str) {
        let parsed = FunctionName::parse(text).unwrap();
        assert_eq!(
            (parsed.name(), &*parsed.version(), &*parsed.arn("us-east-1", "000000000000")),
            (name, version, arn)
        );
    }

    #[test]
    fn functions_are_named_in_all_of_lambdas_ways() {
        check("f", "f", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:f");
        check("f:PROD", "f", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:f:PROD");
        check("function:f", "f", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:f");
        check("123456789012:function:f", "f", "$LATEST", "arn:aws:lambda:us-east-1:123456789012:function:f");
        check("123456789012:f", "f", "$LATEST", "arn:aws:lambda:us-east-1:123456789012:function:f");
        let arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:a_b-c:7";
        check(arn, "a_b-c", "7", arn);
        let latest = "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST";
        check(latest, "f", "$LATEST", latest);
    }

    #[test]
    fn the_qualifier_parameter_completes_a_name() {
        let qualified = |text: &str| FunctionName::parse(text).unwrap().with_qualifier(Some("3")).version();
        assert_eq!(qualified("f"), "3");
        assert_eq!(qualified("f:2"), "2");
    }

    #[test]
    fn what_lambda_refuses_is_no_name() {
        for text in [
            "",
            "a b",
            "f:",
            "f:a:b",
            "f:$OLDEST",
            "arn:aws:sqs:us-east-1:123456789012:f",
            "arn:aws:lambda:us-east-1:12:function:f",
            "arn:aws:lambda:us-east-1:123456789012:layer:f",
        ] {
            assert_eq!(FunctionName::parse(text), None, "{text}");
        }
    }
}
