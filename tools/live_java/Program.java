// A program under the real Java agent that spends most of its time in findPrimes, which allocates nothing.

import io.pyroscope.labels.v2.LabelsSet;
import io.pyroscope.labels.v2.Pyroscope;
import java.io.IOException;

public final class Program {
    private static final Object LOCK = new Object();
    private static final byte[][] KEPT = new byte[100][];

    public static void main(String[] arguments) throws InterruptedException, IOException {
        Pyroscope.LabelsWrapper.run(new LabelsSet("endpoint", "primes"), () -> {
            findPrimes(3_000); // runs with endpoint="primes"
        });
        System.out.println(remember(400_000) + queue(4, 10));
        System.in.read(); // the agent sends nothing on exit, so wait until the caller closes the input
    }

    static int findPrimes(long milliseconds) {
        long end = System.nanoTime() + milliseconds * 1_000_000;
        int found = 0;
        for (int number = 2; System.nanoTime() < end; number++) {
            int divisor = 2;
            while (divisor < number && number % divisor != 0) {
                divisor++;
            }
            if (divisor == number) {
                found++;
            }
        }
        return found;
    }

    /** Makes most of the program's allocations. */
    static int remember(int count) {
        for (int number = 0; number < count; number++) {
            KEPT[number % KEPT.length] = new byte[1024];
        }
        return KEPT.length;
    }

    /** Makes threads wait for each other. */
    static int queue(int waiters, int turns) throws InterruptedException {
        Thread[] threads = new Thread[waiters];
        for (int number = 0; number < waiters; number++) {
            threads[number] = new Thread(() -> {
                for (int turn = 0; turn < turns; turn++) {
                    holdTheLock();
                }
            });
            threads[number].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        return waiters * turns;
    }

    private static void holdTheLock() {
        synchronized (LOCK) {
            try {
                Thread.sleep(20);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
