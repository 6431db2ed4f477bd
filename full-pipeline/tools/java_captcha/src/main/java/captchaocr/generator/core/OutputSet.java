package captchaocr.generator.core;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * A folder {@code images/}, {@code labels.txt}, {@code manifest.jsonl}, {@code run.json} that is valid at every moment:
 * what has a row is whole. A row is appended after its picture was written, in order, by one thread. After a kill
 * pictures without a row may be half written (a tenth of a run would go into renaming each to prevent that); they are
 * drawn again. The row files may end in half a line or differ in length: {@link #open} cuts both back to the last row
 * that is whole in both and whose picture is there, and drawing goes on. A machine that lost its power may leave rows
 * on the disk and of their pictures the names alone: an empty file is no picture.
 */
public final class OutputSet implements Closeable {
    private static final Gson PRETTY = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
    private static final String TEMPORARY = ".part";

    private final Path root;
    private final Path images;
    private final FileChannel lockChannel;
    private final BufferedWriter labels;
    private final BufferedWriter manifest;
    private final long resumedAt;

    private OutputSet(Path root, JsonObject configuration) throws IOException {
        this.root = root;
        images = Files.createDirectories(root.resolve("images"));
        lockChannel = lock(root.resolve(".lock"));
        try {
            checkConfiguration(configuration);
            resumedAt = cutBackToWholeRows();
            labels = appendTo("labels.txt");
            manifest = appendTo("manifest.jsonl");
        } catch (IOException | RuntimeException e) {
            lockChannel.close();
            throw e;
        }
    }

    /** Starts a set, or opens one that was begun with an equal configuration. */
    public static OutputSet open(Path root, JsonObject configuration) throws IOException {
        return new OutputSet(root, configuration);
    }

    /** Number of rows found whole when the set was opened; the next picture has this index. */
    public long resumedAt() {
        return resumedAt;
    }

    public Path manifestPath() {
        return root.resolve("manifest.jsonl");
    }

    public static String fileName(long index, String extension) {
        // Not the machine's locale: Arabic and Persian ones would write digits of their own.
        return String.format(Locale.ROOT, "%08d.%s", index, extension);
    }

    /** Safe to call from many threads. */
    public void writePicture(String name, byte[] bytes) throws IOException {
        Files.write(images.resolve(name), bytes);
    }

    /** To be called by one thread, in the order of the indices, after the picture was written. */
    public void append(Row row) throws IOException {
        labels.write(row.file() + "\t" + row.label() + "\n");
        manifest.write(row.toJson() + "\n");
    }

    public void flush() throws IOException {
        labels.flush();
        manifest.flush();
    }

    /** The summary is written last: with it, the set is complete. */
    public boolean hasSummary() {
        return Files.exists(root.resolve("summary.json"));
    }

    /** Of a set that was complete and has lost pictures since. */
    public void removeSummary() throws IOException {
        Files.deleteIfExists(root.resolve("summary.json"));
    }

    public void writeSummary(JsonObject summary) throws IOException {
        writeWhole(root.resolve("summary.json"), PRETTY.toJson(summary) + "\n");
    }

    @Override
    public void close() throws IOException {
        labels.close();
        manifest.close();
        lockChannel.close();
    }

    private static FileChannel lock(Path path) throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            // Another thread of this process holds it: the same mistake as another process.
        }
        channel.close();
        throw new GeneratorException(path.getParent() + " is being written by another run; wait for it or choose "
                + "another output name");
    }

    private void checkConfiguration(JsonObject configuration) throws IOException {
        Path path = root.resolve("run.json");
        if (!Files.exists(path)) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(images)) {
                if (found.iterator().hasNext() || Files.exists(root.resolve("labels.txt"))) {
                    throw new GeneratorException(root + " holds pictures but no run.json, so it cannot be continued; "
                            + "choose another output name or remove the folder");
                }
            }
            writeWhole(path, PRETTY.toJson(configuration) + "\n");
            return;
        }
        JsonObject found = readObject(path);
        // Through text, so that 1 and 1.0 of the two sides compare alike.
        JsonObject asked = JsonParser.parseString(PRETTY.toJson(configuration)).getAsJsonObject();
        if (!found.equals(asked)) {
            throw new GeneratorException(root + " was begun with other settings (" + differences(found, asked)
                    + "); repeat the first command, choose another output name or remove the folder");
        }
    }

    private static JsonObject readObject(Path path) throws IOException {
        try {
            return JsonParser.parseString(Files.readString(path)).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException | CharacterCodingException e) {
            throw new GeneratorException(path + " is damaged (" + GeneratorException.firstLine(e) + "), so the set "
                    + "cannot be continued; choose another output name or remove the folder");
        }
    }

    private static String differences(JsonObject found, JsonObject asked) {
        Set<String> keys = new TreeSet<>(found.keySet());
        keys.addAll(asked.keySet());
        List<String> differences = new ArrayList<>();
        for (String key : keys) {
            JsonElement before = found.get(key);
            JsonElement now = asked.get(key);
            if (before == null || !before.equals(now)) {
                differences.add(key + " was " + shorten(before) + ", now " + shorten(now));
            }
        }
        return String.join("; ", differences);
    }

    private static String shorten(JsonElement element) {
        String text = String.valueOf(element);
        return text.length() <= 60 ? text : text.substring(0, 57) + "...";
    }

    /** Returns the number of rows kept. Reads line by line: a set of any size takes the same memory. */
    private long cutBackToWholeRows() throws IOException {
        Path labelsPath = root.resolve("labels.txt");
        if (!Files.exists(labelsPath) || !Files.exists(manifestPath())) {
            Files.deleteIfExists(labelsPath);
            Files.deleteIfExists(manifestPath());
            return 0;
        }
        long rows = 0;
        long labelBytes = 0;
        long manifestBytes = 0;
        try (LineReader labelLines = new LineReader(labelsPath);
             LineReader manifestLines = new LineReader(manifestPath())) {
            for (;; rows++, labelBytes = labelLines.position(), manifestBytes = manifestLines.position()) {
                String label = labelLines.next();
                String json = manifestLines.next();
                Row row = label == null || json == null ? null : Row.parse(json);
                if (row == null || !label.equals(row.file() + "\t" + row.label())
                        || !row.file().startsWith(fileName(rows, ""))
                        || images.resolve(row.file()).toFile().length() == 0) { // also when there is none
                    break;
                }
            }
        }
        truncate(labelsPath, labelBytes);
        truncate(manifestPath(), manifestBytes);
        return rows;
    }

    private static void truncate(Path path, long size) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.truncate(size);
        }
    }

    private BufferedWriter appendTo(String name) throws IOException {
        return Files.newBufferedWriter(root.resolve(name), StandardCharsets.UTF_8, StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
    }

    private static void writeWhole(Path path, String text) throws IOException {
        Path temporary = path.resolveSibling("." + path.getFileName() + TEMPORARY);
        Files.writeString(temporary, text);
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** The rows of a set, streamed to {@code each}. */
    public static void readManifest(Path path, Consumer<Row> each) throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(path)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                each.accept(Row.parse(line));
            }
        }
    }
}
