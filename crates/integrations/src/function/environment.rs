//! The environment of a function's process: Lambda's variables, the configured ones, and nothing secret.

use super::FunctionConfig;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a process inherits from the server, where it is in [`Surroundings::inherited`]. Credentials and the like stay behind.
pub const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_PATH",
];

/// Where the functions run: what each of them is told, so that the AWS SDKs and the CLI find Step Functions here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ENDPOINT_URL_SFN`: where this server answers, for example to take `SendTaskSuccess`. `None` if it listens
    /// nowhere.
    pub endpoint_url: Option<String>,
    /// The program, with its arguments, that runs [`super::keep_functions`] over its standard input, to end the functions
    /// of a server that was killed. `None`: they outlive it.
    pub keeper: Option<Vec<PathBuf>>,
    /// The environment of the server, of which the functions get what is named in [`INHERITED`].
    pub inherited: BTreeMap<String, OsString>,
}

impl Default for Surroundings {
    fn default() -> Surroundings {
        Surroundings { region: "us-east-1".to_owned(), endpoint_url: None, keeper: None, inherited: BTreeMap::new() }
    }
}

impl Surroundings {
    /// The credentials are accepted by any server that takes any; an SDK does not work without some.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true".to_owned()),
        ];
        variables.extend(self.endpoint_url.iter().map(|url| ("AWS_ENDPOINT_URL_SFN", url.clone())));
        variables
    }
}

/// The whole environment, each source overriding the one before: inherited, surroundings, Lambda's, the function's own.
pub(super) fn environment(
    config: &FunctionConfig,
    surroundings: &Surroundings,
    runtime_api: SocketAddr,
    log_stream: &str,
) -> BTreeMap<String, OsString> {
    let is_inherited = |name: &str| INHERITED.contains(&name);
    let inherited = surroundings.inherited.iter().filter(|(name, _)| is_inherited(name));
    let mut environment: BTreeMap<String, OsString> =
        inherited.map(|(name, value)| (name.clone(), value.clone())).collect();
    let lambdas = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", config.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", config.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.to_owned()),
        ("_HANDLER", config.handler.clone()),
        ("TZ", ":UTC".to_owned()),
        // Not Lambda's, whose Python writes each line at once as well; into a pipe it would wait for 8 KB of them.
        ("PYTHONUNBUFFERED", "1".to_owned()),
    ];
    let told = surroundings.variables().into_iter().chain(lambdas);
    environment.extend(told.map(|(name, value)| (name.to_owned(), value.into())));
    environment.insert("LAMBDA_TASK_ROOT".to_owned(), task_root(config).into());
    environment.extend(config.environment.iter().map(|(name, value)| (name.clone(), value.into())));
    environment
}

/// Where the process runs.
pub(super) fn task_root(config: &FunctionConfig) -> PathBuf {
    let server = || std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    config.working_directory.clone().map_or_else(server, |folder| std::path::absolute(&folder).unwrap_or(folder))
}

/// The program as it is started: relative to where the process runs if it has a `/`, looked for in `PATH` if not.
pub(super) fn program(config: &FunctionConfig) -> PathBuf {
    match config.command.first() {
        Some(program) if program.contains('/') => task_root(config).join(program),
        Some(program) => PathBuf::from(program),
        None => PathBuf::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sources_override_earlier_ones() {
        let mut config = FunctionConfig::new("f", &["bin/run"]);
        config.working_directory = Some("/functions".into());
        config.environment.insert("AWS_REGION".into(), "eu-west-1".into());
        let endpoint_url = Some("http://127.0.0.1:8083".to_owned());
        let server = [("HOME", "/srv/server"), ("AWS_SESSION_TOKEN", "secret"), ("LAMBDA_TASK_ROOT", "/elsewhere")];
        let inherited = server.map(|(name, value)| (name.to_owned(), OsString::from(value))).into();
        let surroundings = Surroundings { endpoint_url, inherited, ..Surroundings::default() };
        let environment = environment(&config, &surroundings, "127.0.0.1:9001".parse().unwrap(), "stream");
        let get = |name: &str| environment.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(get("AWS_REGION"), Some("eu-west-1"));
        assert_eq!(get("AWS_DEFAULT_REGION"), Some("us-east-1"));
        assert_eq!(get("AWS_ENDPOINT_URL_SFN"), Some("http://127.0.0.1:8083"));
        assert_eq!(get("AWS_LAMBDA_RUNTIME_API"), Some("127.0.0.1:9001"));
        assert_eq!(get("AWS_LAMBDA_FUNCTION_NAME"), Some("f"));
        assert_eq!(get("LAMBDA_TASK_ROOT"), Some("/functions"));
        assert_eq!(get("HOME"), Some("/srv/server"));
        assert_eq!(get("PYTHONUNBUFFERED"), Some("1"));
        assert_eq!(get("AWS_SESSION_TOKEN"), None, "what is secret is not inherited");
        assert_eq!(program(&config), PathBuf::from("/functions/bin/run"));
    }
}
