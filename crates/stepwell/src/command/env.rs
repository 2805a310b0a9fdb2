//! `stepwell env`: the settings that point the AWS CLI and SDKs at a local server.

use clap::{Args, ValueEnum};
use std::io::Write;
use std::process::ExitCode;

/// Print the settings that make the AWS CLI and SDKs talk to a local server.
///
/// Use it as `eval "$(stepwell env)"`.
#[derive(Args)]
pub struct Env {
    /// Where the server listens
    #[arg(long, default_value = "http://127.0.0.1:8083")]
    endpoint: String,
    /// The Region that ARNs carry
    #[arg(long, default_value = "us-east-1")]
    region: String,
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
    pub fn run(&self) -> ExitCode {
        let lines = self.settings().map(|(name, value)| self.shell.export(name, value) + "\n").concat();
        // Whoever reads this may stop before its end; that is no fault.
        let _read = std::io::stdout().write_all(lines.as_bytes());
        ExitCode::SUCCESS
    }

    fn settings(&self) -> [(&'static str, &str); 6] {
        [
            ("AWS_ENDPOINT_URL_SFN", &self.endpoint),
            // The CLI and boto3 read the second name only, newer SDKs the first.
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
            // Any credentials are accepted on loopback; the SDKs only refuse to send none at all.
            ("AWS_ACCESS_KEY_ID", "stepwell"),
            ("AWS_SECRET_ACCESS_KEY", "stepwell"),
            // Without this switch the SDKs send StartSyncExecution and TestState to `sync-127.0.0.1`,
            // a host that does not resolve.
            ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
        ]
    }
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
