// A program under the real Node.js SDK that spends most of its time in `findPrimes`: node program.mjs URL APPLICATION
import Pyroscope from '@pyroscope/nodejs';

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

const [serverAddress, appName] = process.argv.slice(2);
Pyroscope.init({ appName, serverAddress, tags: { env: 'live' }, wall: { collectCpuTime: true } });
Pyroscope.start();
Pyroscope.wrapWithLabels({ endpoint: 'primes' }, () => findPrimes(3000));
Pyroscope.wrapWithLabels({ endpoint: 'sums' }, () => addUp(700));
await Pyroscope.stop();
