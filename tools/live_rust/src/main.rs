//! A program under the real Rust SDK that spends most of its time in `find_primes`, under a separate label.

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use pyroscope::backend::{pprof_backend, BackendConfig, PprofConfig};
use pyroscope::pyroscope::PyroscopeAgentBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let backend = pprof_backend(PprofConfig::default(), BackendConfig::default());
    let agent = PyroscopeAgentBuilder::new(
        env::var("PYROSCOPE_SERVER_ADDRESS")?,
        env::var("PYROSCOPE_APPLICATION_NAME")?,
        100, // samples a second
        "pyroscope-rs",
        env!("CARGO_PKG_VERSION"),
        backend,
    )
    .basic_auth(env::var("PYROSCOPE_BASIC_AUTH_USER")?, env::var("PYROSCOPE_BASIC_AUTH_PASSWORD")?)
    .tenant_id(env::var("PYROSCOPE_TENANT_ID")?)
    .tags(vec![("region", "eu")])
    .build()?
    .start()?;

    let (add_tag, remove_tag) = agent.tag_wrapper();
    add_tag("endpoint".to_string(), "primes".to_string())?;
    let primes = find_primes(Duration::from_millis(3000)); // runs with endpoint="primes"
    remove_tag("endpoint".to_string(), "primes".to_string())?;

    let sum = add_up(Duration::from_millis(700));
    println!("{primes} primes, {sum}");
    agent.stop()?.shutdown(); // at the end
    Ok(())
}

#[inline(never)]
fn find_primes(long: Duration) -> u64 {
    let end = Instant::now() + long;
    let (mut found, mut number) = (0, 2_u64);
    while Instant::now() < end {
        let mut divisor = 2;
        while divisor < number && number % divisor != 0 {
            divisor += 1;
        }
        found += u64::from(divisor == number);
        number += 1;
    }
    found
}

#[inline(never)]
fn add_up(long: Duration) -> u64 {
    let end = Instant::now() + long;
    let mut sum = 0_u64;
    while Instant::now() < end {
        for number in 0..10_000 {
            sum = sum.wrapping_add(number % 7);
        }
    }
    sum
}
