//! `stepwell env`: the settings that point the AWS CLI and SDKs at a local server.

use super::CommandResult;
use crate::config::Config;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the settings that make the AWS CLI and SDKs talk to a local server.
///
/// Use it as `eval "$(stepwell env)"`.
#[derive(Args)]
pub struct Env {
    /// Where the server listens; goes before the port [default: http://127.0.0.1 and the port]
    #[arg(long)]
    endpoint: Option<String>,
    /// The port that the server listens on [default: that of the configuration, 8083 without one]
    #[arg(long, env = "STEPWELL_PORT")]
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
    Sh,
    Fish,
    Powershell,
}

impl Env {
    pub fn run(&self) -> CommandResult {
        let config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let port = self.port.unwrap_or(config.port);
        let endpoint =
            self.endpoint.clone().unwrap_or_else(|| format!("http://{}", SocketAddr::new(config.listen, port)));
        let region = self.region.as_ref().unwrap_or(&config.region);
        let lines = settings(&endpoint, region).map(|(name, value)| self.shell.export(name, value) + "\n").concat();
        // Whoever reads this may stop before its end; that is no fault.
        let _read = std::io::stdout().write_all(lines.as_bytes());
        Ok(ExitCode::SUCCESS)
    }
}

fn settings<'s>(endpoint: &'s str, region: &'s str) -> [(&'static str, &'s str); 6] {
    [
        ("AWS_ENDPOINT_URL_SFN", endpoint),
        // The CLI and boto3 read the second name only, newer SDKs the first.
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        // Any credentials are accepted on loopback; the SDKs only refuse to send none at all.
        ("AWS_ACCESS_KEY_ID", "stepwell"),
        ("AWS_SECRET_ACCESS_KEY", "stepwell"),
        // Without this switch the SDKs send StartSyncExecution and TestState to `sync-127.0.0.1`,
        // a host that does not resolve.
        ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
    ]
}

impl Shell {
    fn export(self, name: &str, value: &str) -> String {
        let quoted = value.replace('\'', "'\\''");
        match self {
            Shell::Sh => format!("export {name}='{quoted}'"),
            Shell::Fish => format!("set -gx {name} '{quoted}'"),
            Shell::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_shell() {
        assert_eq!(Shell::Sh.export("A", "it's"), r"export A='it'\''s'");
        assert_eq!(Shell::Fish.export("A", "b"), "set -gx A 'b'");
        assert_eq!(Shell::Powershell.export("A", "it's"), "$env:A = 'it''s'");
    }
}
