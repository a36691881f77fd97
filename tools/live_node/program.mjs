// A program under the real Node.js SDK that spends most of its time in `findPrimes`, under a separate label.
import Pyroscope from '@pyroscope/nodejs';

Pyroscope.init({
  appName: process.env.PYROSCOPE_APPLICATION_NAME,
  serverAddress: process.env.PYROSCOPE_SERVER_ADDRESS,
  basicAuthUser: process.env.PYROSCOPE_BASIC_AUTH_USER,
  basicAuthPassword: process.env.PYROSCOPE_BASIC_AUTH_PASSWORD,
  tenantID: process.env.PYROSCOPE_TENANT_ID,
  tags: { region: 'eu' },
  wall: { collectCpuTime: true },
});
Pyroscope.start();

Pyroscope.wrapWithLabels({ endpoint: 'primes' }, () => {
  findPrimes(3000); // runs with endpoint="primes"
});

addUp(700);
await Pyroscope.stop(); // at the end

function findPrimes(milliseconds) {
  const end = performance.now() + milliseconds;
  let found = 0;
  for (let number = 2; performance.now() < end; number++) {
    let divisor = 2;
    while (divisor < number && number % divisor !== 0) divisor++;
    if (divisor === number) found++;
  }
  return found;
}

function addUp(milliseconds) {
  const end = performance.now() + milliseconds;
  let sum = 0;
  while (performance.now() < end) {
    for (let number = 0; number < 10_000; number++) sum += number % 7;
  }
  return sum;
}
