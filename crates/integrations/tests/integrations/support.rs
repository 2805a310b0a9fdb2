//! Functions for the tests, and a gate at which they report and wait.

use bytes::Bytes;
use integrations::function::{Answer, FunctionName, INHERITED, Invocation, Refused, Surroundings};
use integrations::{FunctionConfig, Functions};
use std::path::PathBuf;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The Python client as a function named `f`, changed as the test wants.
pub fn python(change: impl FnOnce(&mut FunctionConfig)) -> FunctionConfig {
    let mut config = FunctionConfig::new("f", &["python3", "client.py"]);
    config.working_directory = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/integrations"));
    config.timeout_seconds = 60;
    config.init_timeout_seconds = 60;
    change(&mut config);
    config
}

#[expect(clippy::disallowed_methods, reason = "who wires functions up reads the environment for them")]
pub fn functions(config: FunctionConfig) -> Functions {
    let inherited = INHERITED.iter().filter_map(|&name| Some((name.to_owned(), std::env::var_os(name)?))).collect();
    Functions::new(vec![config], &Surroundings { inherited, ..Surroundings::default() }).unwrap()
}

pub async fn invoke(functions: &Functions, event: &str) -> Result<Answer, Refused> {
    let invocation = Invocation {
        request_id: "request-1".to_owned(),
        function_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
        trace_id: "Root=1".to_owned(),
        client_context: Some(r#"{"custom":1}"#.to_owned()),
        payload: Bytes::copy_from_slice(event.as_bytes()),
    };
    functions.invoke(&FunctionName::parse("f").unwrap(), invocation).await
}

/// The response of an invocation that must succeed.
pub async fn response(functions: &Functions, event: &str) -> String {
    let response = invoke(functions, event).await.unwrap().result;
    String::from_utf8(response.unwrap().to_vec()).unwrap()
}

/// The error document of an invocation that must fail.
pub async fn error(functions: &Functions, event: &str) -> String {
    let response = invoke(functions, event).await.unwrap().result;
    String::from_utf8(response.unwrap_err().to_vec()).unwrap()
}

/// Where functions connect to.
pub struct Gate(TcpListener);

impl Gate {
    /// Opens a gate and tells the function where it is.
    pub async fn open(config: &mut FunctionConfig) -> Gate {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        config.environment.insert("GATE".to_owned(), port.to_string());
        Gate(listener)
    }

    /// The next function that arrives.
    pub async fn arrival(&self) -> Arrival {
        let mut connection = BufReader::new(self.0.accept().await.unwrap().0);
        let mut pid = String::new();
        connection.read_line(&mut pid).await.unwrap();
        Arrival { pid: pid.trim().to_owned(), connection }
    }
}

/// A function at the gate.
pub struct Arrival {
    pub pid: String,
    connection: BufReader<TcpStream>,
}

impl Arrival {
    /// Lets the function go on.
    pub async fn release(mut self) {
        self.connection.write_all(b".").await.unwrap();
    }

    /// Ready when the process, and all that inherited its connection, have ended.
    pub async fn gone(mut self) {
        // A killed process may reset the connection: that is an end, too.
        let _ = self.connection.read_to_end(&mut Vec::new()).await;
    }
}
