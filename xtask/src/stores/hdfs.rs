//! HDFS: the real one, a name node and a data node, from the jars that PySpark brings.

use super::Running;
use super::server::{Server, ask, free_port};
use crate::Result;
use crate::command::run;
use crate::install;
use std::fs;
use std::path::Path;
use std::process::Command;

const PACKAGE: &str = "pyspark==2.4.8";

/// Starts an empty file system.
///
/// # Errors
/// Fails when it cannot be installed or does not answer.
pub(super) fn start(root: &Path) -> Result<Running> {
    install::provide(root, "java", &["-version"], &["openjdk-17-jre-headless"])?;
    let directory = install::once(root, "stores/hdfs", PACKAGE, |directory| {
        install::provide(root, "python3", &["-c", "import ensurepip"], &["python3-venv"])?;
        run(directory, "python3", &["-m", "venv", "venv"])?;
        install::pip(directory, &["install", "--quiet", "setuptools<70", "wheel"])?;
        let words = ["download", "--quiet", "--no-deps", "--no-build-isolation", PACKAGE];
        install::pip(directory, &words)?;
        let jars = "pyspark-2.4.8/deps/jars";
        let words = ["-xzf", "pyspark-2.4.8.tar.gz", "--strip-components=2", jars];
        run(directory, "tar", &words)?;
        fs::remove_file(directory.join("pyspark-2.4.8.tar.gz"))?;
        // The jars are without the web pages that both nodes want to serve.
        fs::create_dir_all(directory.join("webroot/webapps/hdfs/WEB-INF"))?;
        fs::create_dir_all(directory.join("webroot/webapps/datanode/WEB-INF"))?;
        Ok(())
    })?;
    let (port, pages) = (free_port()?, free_port()?);
    configure(&directory, port, pages)?;
    let node = |class: &str| {
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", "conf:webroot:jars/*"]);
        command.arg(format!("org.apache.hadoop.hdfs.server.{class}")).current_dir(&directory);
        command
    };
    let formatted =
        node("namenode.NameNode").args(["-format", "-nonInteractive", "-force"]).output()?;
    if !formatted.status.success() {
        let said = String::from_utf8_lossy(&formatted.stderr);
        return Err(format!("the file system is not formatted: {said}").into());
    }
    let state = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState";
    let log = directory.join("name-node.log");
    let name_node = Server::start(&mut node("namenode.NameNode"), &log, || {
        ask(pages, "GET", state).is_some_and(|answer| answer.contains("NumLiveDataNodes"))
    })?;
    let log = directory.join("data-node.log");
    let data_node = Server::start(&mut node("datanode.DataNode"), &log, || {
        ask(pages, "GET", state).is_some_and(|answer| answer.contains("\"NumLiveDataNodes\" : 1"))
    })?;
    Ok(Running {
        servers: vec![data_node, name_node],
        variables: vec![("LOCKGATE_TEST_HDFS", format!("hdfs://127.0.0.1:{port}"))],
    })
}

fn configure(directory: &Path, port: u16, pages: u16) -> Result {
    let data = directory.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let conf = directory.join("conf");
    fs::create_dir_all(&conf)?;
    let loopback = |port: u16| format!("127.0.0.1:{port}");
    let write = |name: &str, properties: &[(&str, String)]| {
        let property = |(name, value): &(&str, String)| {
            format!("<property><name>{name}</name><value>{value}</value></property>\n")
        };
        let properties = properties.iter().map(property).collect::<Vec<_>>().concat();
        fs::write(conf.join(name), format!("<configuration>\n{properties}</configuration>\n"))
    };
    write(
        "core-site.xml",
        &[
            ("fs.defaultFS", format!("hdfs://{}", loopback(port))),
            ("hadoop.tmp.dir", data.display().to_string()),
        ],
    )?;
    write(
        "hdfs-site.xml",
        &[
            ("dfs.replication", "1".into()),
            ("dfs.permissions.enabled", "false".into()),
            ("dfs.webhdfs.enabled", "false".into()),
            ("dfs.namenode.http-address", loopback(pages)),
            ("dfs.datanode.address", loopback(free_port()?)),
            ("dfs.datanode.http.address", loopback(free_port()?)),
            ("dfs.datanode.ipc.address", loopback(free_port()?)),
            ("dfs.datanode.hostname", "127.0.0.1".into()),
        ],
    )?;
    Ok(())
}
