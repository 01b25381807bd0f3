// An echo server on tokio: a task per client, all on one thread. Prints its port.
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn echo(mut client: TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        let size = client.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..size]).await?;
    }
}

async fn serve() -> std::io::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", server.local_addr()?.port());
    loop {
        let (client, _) = server.accept().await?;
        tokio::spawn(echo(client));
    }
}

fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve())
}
