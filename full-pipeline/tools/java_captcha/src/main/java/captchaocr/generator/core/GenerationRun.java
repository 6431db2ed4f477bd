package captchaocr.generator.core;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Draws a set: many threads draw and write pictures, one appends their rows in order. A picture depends on the run's
 * seed and its index alone, so neither the number of threads nor an interruption changes the set. At most
 * {@value #WINDOW_PER_THREAD} pictures a thread are under way, which keeps memory flat.
 */
public final class GenerationRun {
    private static final int WINDOW_PER_THREAD = 64;
    /** More than any machine has cores for; far more would need more memory than it has, or overflow the window. */
    private static final int MAX_THREADS = 1024;
    private static final long FLUSH_EVERY_ROWS = 256;
    private static final int EXIT_INTERRUPTED = 130;

    private final Style style;
    private final Path root;
    private final long count;
    private final long seed;
    private final int threads;
    private final PrintStream out;
    private volatile boolean stopping;

    public GenerationRun(Style style, Path root, long count, long seed, int threads, PrintStream out) {
        if (count < 1) {
            throw new GeneratorException("count " + count + " is out of range; ask for at least 1 picture");
        }
        if (threads < 1 || threads > MAX_THREADS) {
            throw new GeneratorException("--threads " + threads + " is out of range; give 1 to " + MAX_THREADS);
        }
        this.style = style;
        this.root = root;
        this.count = count;
        this.seed = seed;
        this.threads = threads;
        this.out = out;
    }

    /** Returns the exit status: 0 when the set is complete, 130 when a signal stopped it before. */
    public int run() throws IOException {
        CountDownLatch finished = new CountDownLatch(1);
        Thread hook = new Thread(() -> stop(finished));
        Runtime.getRuntime().addShutdownHook(hook);
        try (OutputSet set = OutputSet.open(root, configuration())) {
            return complete(set);
        } finally {
            finished.countDown();
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // A signal is ending the process: the hook has run, or ends now.
            }
        }
    }

    /** Runs when a signal ends the process: lets the pictures under way be finished and their rows be written. */
    private void stop(CountDownLatch finished) {
        stopping = true;
        try {
            finished.await(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private int complete(OutputSet set) throws IOException {
        long first = set.resumedAt();
        if (first >= count && set.hasSummary()) {
            out.println(root + " already holds its " + count + " pictures; nothing to do");
            return 0;
        }
        if (first > 0) {
            out.println(root + ": " + first + " of " + count + " pictures found, going on from there");
        }
        set.removeSummary();
        long start = System.nanoTime();
        long rows = draw(set, first);
        if (rows < count) {
            out.println(root + ": stopped after " + rows + " of " + count
                    + " pictures; the same command goes on from there");
            return EXIT_INTERRUPTED;
        }
        Summary summary = Summary.of(set.manifestPath(), style, seed);
        set.writeSummary(summary.toJson((System.nanoTime() - start) / 1e9, count - first, threads));
        out.print(summary.toTable());
        out.println("written to " + root);
        return 0;
    }

    private JsonObject configuration() {
        JsonObject configuration = new JsonObject();
        configuration.addProperty("format", 1);
        configuration.addProperty("count", count);
        configuration.addProperty("seed", seed);
        configuration.addProperty("style", style.name());
        style.configuration().entrySet().forEach(entry -> configuration.add(entry.getKey(), entry.getValue()));
        return configuration;
    }

    /** Returns the number of rows the set has afterwards. */
    private long draw(OutputSet set, long first) throws IOException {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            return drawInOrder(set, first, pool);
        } finally {
            pool.shutdownNow();
            set.flush();
        }
    }

    private long drawInOrder(OutputSet set, long first, ExecutorService pool) throws IOException {
        Progress progress = new Progress(out, first, count);
        Deque<Future<Row>> underWay = new ArrayDeque<>();
        long submitted = first;
        long rows = first;
        while (rows < count) {
            while (!stopping && submitted < count && underWay.size() < threads * WINDOW_PER_THREAD) {
                long index = submitted++;
                underWay.add(pool.submit(() -> drawAndWrite(set, index)));
            }
            if (underWay.isEmpty()) {
                break;
            }
            set.append(result(underWay.remove()));
            rows++;
            if (rows % FLUSH_EVERY_ROWS == 0) {
                set.flush();
            }
            progress.at(rows);
        }
        progress.end();
        return rows;
    }

    private Row drawAndWrite(OutputSet set, long index) throws IOException {
        long pictureSeed = Rng.pictureSeed(seed, index);
        Picture picture = style.draw(index, new Rng(pictureSeed));
        String file = OutputSet.fileName(index, picture.extension());
        set.writePicture(file, picture.bytes());
        return Row.of(file, style.name(), pictureSeed, picture);
    }

    private static Row result(Future<Row> future) throws IOException {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while drawing", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        }
    }
}
