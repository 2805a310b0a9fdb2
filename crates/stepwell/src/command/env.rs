//! `stepwell env`: the settings that point the AWS CLI and SDKs at a local server.

use super::CommandResult;
use crate::config::Config;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the settings that make the AWS CLI and SDKs talk to a local server.
///
/// Use it as `eval "$(stepwell env)"`, in fish as `stepwell env --shell fish | source`, in PowerShell as
/// `stepwell env --shell powershell | Out-String | Invoke-Expression`.
///
/// The SDKs send nothing without credentials, and the server takes any. A shell that has some in its environment, or names
/// a profile, keeps them; another one gets some that are good for nothing else, and that go before those of the files
/// in ~/.aws.
#[derive(Args)]
pub struct Env {
    /// Where the server listens; goes before the port [default: http://127.0.0.1 and the port]
    #[arg(long)]
    endpoint: Option<String>,
    /// The port that the server listens on [default: that of the configuration, 8083 without one]
    #[arg(long, env = "STEPWELL_PORT", value_parser = super::serve::port)]
    port: Option<u16>,
    /// The configuration file of the server
    #[arg(long, env = "STEPWELL_CONFIG")]
    config: Option<PathBuf>,
    /// The Region that ARNs carry [default: that of the configuration, us-east-1 without one]
    #[arg(long)]
    region: Option<String>,
    /// The shell to write for
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    /// bash, zsh and all others of the family
    Sh,
    Fish,
    Powershell,
}

impl Env {
    pub fn run(&self) -> CommandResult {
        let config = self.config.as_deref().map(Config::read_elsewhere).transpose()?.unwrap_or_default();
        let port = self.port.unwrap_or(config.port);
        let endpoint =
            self.endpoint.clone().unwrap_or_else(|| format!("http://{}", SocketAddr::new(config.listen, port)));
        let region = self.region.as_ref().unwrap_or(&config.region);
        let lines = settings(&endpoint, region).map(|(name, value)| self.shell.export(name, value));
        super::print(&format!("{}\n{}", lines.join("\n"), self.shell.export_credentials()))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn settings<'s>(endpoint: &'s str, region: &'s str) -> [(&'static str, &'s str); 4] {
    [
        ("AWS_ENDPOINT_URL_SFN", endpoint),
        // The CLI and boto3 read the second name only, newer SDKs the first.
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        // Without this switch the SDKs send StartSyncExecution and TestState to `sync-127.0.0.1`,
        // a host that does not resolve.
        ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
    ]
}

/// With these an SDK finds credentials by itself. Keys in the environment would go before them, for all of AWS, so none
/// are set then. Keys and a session token belong together: either all are the shell's or none is used.
const CREDENTIALS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];
/// Good for nothing.
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "stepwell"), ("AWS_SECRET_ACCESS_KEY", "stepwell")];

impl Shell {
    /// Each line ends in `;`, so that `eval $(stepwell env)`, which makes one line of all, works as well.
    fn export(self, name: &str, value: &str) -> String {
        match self {
            Shell::Sh => format!("export {name}='{}';", value.replace('\'', "'\\''")),
            Shell::Fish => format!("set -gx {name} '{}';", value.replace('\\', "\\\\").replace('\'', "\\'")),
            Shell::Powershell => format!("$env:{name} = '{}';", value.replace('\'', "''")),
        }
    }

    /// Keys for a shell that has no credentials, as it says itself when it reads this.
    fn export_credentials(self) -> String {
        let keys = KEYS.map(|(name, value)| self.export(name, value)).join(" ");
        let given = |before: &str, after: &str| CREDENTIALS.map(|name| format!("{before}{name}{after}")).concat();
        match self {
            // Under `set -u` a variable that is not set must have a default, the empty one.
            Shell::Sh => format!("if [ -z \"{}\" ]; then {keys} fi;", given("${", "-}")),
            Shell::Fish => format!("if test -z \"{}\"; {keys} end;", given("$", "")),
            Shell::Powershell => format!("if (-not \"{}\") {{ {keys} }}", given("${env:", "}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_shell() {
        assert_eq!(Shell::Sh.export("A", "it's"), r"export A='it'\''s';");
        assert_eq!(Shell::Fish.export("A", r"it's\"), r"set -gx A 'it\'s\\';");
        assert_eq!(Shell::Powershell.export("A", "it's"), "$env:A = 'it''s';");
    }

    #[test]
    fn fish_and_powershell_look_for_credentials_too() {
        let fish = Shell::Fish.export_credentials();
        assert!(fish.starts_with("if test -z \"$AWS_ACCESS_KEY_ID$AWS_PROFILE$"), "{fish}");
        assert!(
            fish.ends_with("\"; set -gx AWS_ACCESS_KEY_ID 'stepwell'; set -gx AWS_SECRET_ACCESS_KEY 'stepwell'; end;")
        );
        let powershell = Shell::Powershell.export_credentials();
        assert!(powershell.starts_with("if (-not \"${env:AWS_ACCESS_KEY_ID}${env:AWS_PROFILE}$"), "{powershell}");
        assert!(
            powershell.ends_with("{ $env:AWS_ACCESS_KEY_ID = 'stepwell'; $env:AWS_SECRET_ACCESS_KEY = 'stepwell'; }")
        );
    }
}
