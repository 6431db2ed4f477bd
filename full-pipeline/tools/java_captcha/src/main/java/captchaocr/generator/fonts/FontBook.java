package captchaocr.generator.fonts;

import captchaocr.generator.core.GeneratorException;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.awt.Font;
import java.awt.FontFormatException;
import java.awt.GraphicsEnvironment;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * The fonts of this machine, and of a folder. Java replaces a font it does not find by its default without a word,
 * and draws boxes for glyphs a font lacks; this class does neither.
 */
public final class FontBook {
    private static final Properties SUBSTITUTES = substitutes();

    /** Installed family names by lower-case name. */
    private final Map<String, String> families = new LinkedHashMap<>();
    private final Map<String, Font> added = new ConcurrentHashMap<>();
    private final Map<String, Face> faces = new ConcurrentHashMap<>();
    private final Map<String, String> substituted = new LinkedHashMap<>();
    private final Set<String> missing = new LinkedHashSet<>();

    private FontBook() {
        for (String family : installedFamilies()) {
            families.put(family.toLowerCase(Locale.ROOT), family);
        }
    }

    /** A Java without a screen still needs native font libraries; what it throws without them names none of them. */
    private static String[] installedFamilies() {
        try {
            return GraphicsEnvironment.getLocalGraphicsEnvironment().getAvailableFontFamilyNames(Locale.ENGLISH);
        } catch (RuntimeException | LinkageError | InternalError e) {
            throw new GeneratorException("Java cannot use fonts on this machine (" + e + "); install fontconfig, "
                    + "freetype and a font: apt-get install fontconfig libfreetype6 fonts-dejavu-core");
        }
    }

    /** The installed fonts, and those in {@code folder} (.ttf, .otf, .ttc; not its sub-folders) unless it is null. */
    public static FontBook open(Path folder) throws IOException {
        installedFamilies();
        if (folder != null) {
            register(folder);
        }
        return new FontBook();
    }

    private static void register(Path folder) throws IOException {
        List<Path> files;
        if (!Files.isDirectory(folder)) {
            throw new GeneratorException("--font-dir " + folder.toAbsolutePath() + " is no folder; give one that holds "
                    + ".ttf, .otf or .ttc files");
        }
        try (Stream<Path> found = Files.list(folder)) {
            files = found.filter(path -> path.toString().toLowerCase(Locale.ROOT).matches(".*\\.(ttf|otf|ttc)"))
                    .sorted().toList();
        }
        if (files.isEmpty()) {
            throw new GeneratorException("--font-dir " + folder + " holds no .ttf, .otf or .ttc file");
        }
        for (Path file : files) {
            try {
                for (Font font : Font.createFonts(file.toFile())) {
                    GraphicsEnvironment.getLocalGraphicsEnvironment().registerFont(font);
                }
            } catch (FontFormatException e) {
                throw new GeneratorException(file + " is not a font Java can read (" + e.getMessage() + "); remove it");
            }
        }
    }

    /** The families of a list file, one a line, # before a comment. Those not installed are left out and noted. */
    public List<String> installedOf(Path list) throws IOException {
        if (!Files.isRegularFile(list)) {
            throw new GeneratorException("font list " + list.toAbsolutePath() + " does not exist; "
                    + "write one family name a line");
        }
        List<String> found = new ArrayList<>();
        for (String line : lines(list)) {
            String name = line.replaceFirst("#.*", "").trim();
            if (name.isEmpty()) {
                continue;
            }
            String family = families.get(name.toLowerCase(Locale.ROOT));
            if (family == null) {
                missing.add(name);
            } else {
                found.add(family);
            }
        }
        if (found.isEmpty()) {
            throw new GeneratorException("none of the families in " + list + " is installed; "
                    + "install some (fonts-debian-packages.txt names packages) or give --font-dir");
        }
        return found;
    }

    private static List<String> lines(Path list) throws IOException {
        try {
            // Some editors of Windows begin UTF-8 files with U+FEFF, which no trim() takes away.
            return Files.readString(list).replaceFirst("^\\uFEFF", "").lines().toList();
        } catch (CharacterCodingException e) {
            throw new GeneratorException("font list " + list + " is not UTF-8; save it in that encoding");
        }
    }

    /** The families asked for by name; one that is not installed is replaced by a named substitute, and noted. */
    public List<String> installedOrSubstituted(List<String> names) {
        Set<String> found = new LinkedHashSet<>();
        for (String name : names) {
            if (name.isBlank()) { // behind a last comma; it would get a substitute
                continue;
            }
            String family = families.get(name.trim().toLowerCase(Locale.ROOT));
            if (family == null) {
                family = substituteFor(name.trim());
            }
            if (family != null) {
                found.add(family);
            }
        }
        if (found.isEmpty()) {
            throw new GeneratorException("none of the fonts " + names + " is installed, nor any substitute for them; "
                    + "install one, or give --fonts, --fonts-file or --font-dir");
        }
        return List.copyOf(found);
    }

    private String substituteFor(String name) {
        String listed = SUBSTITUTES.getProperty(name.toLowerCase(Locale.ROOT).replace(' ', '_'),
                SUBSTITUTES.getProperty("*"));
        for (String candidate : listed.split(",")) {
            String family = families.get(candidate.trim().toLowerCase(Locale.ROOT));
            if (family != null) {
                substituted.put(name, family);
                return family;
            }
        }
        missing.add(name);
        return null;
    }

    /** Adds a font that is not installed, under a name of its own. */
    public void add(String name, Font font) {
        added.put(name, font);
    }

    /** Keeps the families that draw every character of {@code alphabet}, in each of {@code styles}. */
    public List<String> ableToDraw(List<String> candidates, Set<Integer> styles, String alphabet) {
        // A bold or slanted file may have fewer glyphs than the plain one. They are looked up here and measured when
        // they are drawn: measuring all takes long.
        return candidates.stream().filter(family -> face(family, Font.PLAIN).drawsAll(alphabet)
                && styles.stream().allMatch(style -> font(family, style).canDisplayUpTo(alphabet) < 0)).toList();
    }

    /** {@code family} as the book spells it. */
    public Face face(String family, int style) {
        return faces.computeIfAbsent(family + "\n" + style, key -> new Face(family, font(family, style)));
    }

    private Font font(String family, int style) {
        Font own = added.get(family);
        return own == null ? new Font(family, style, 1) : own.deriveFont(style);
    }

    /** Fonts asked for and not found, and what stands in for them. */
    public JsonObject notes() {
        JsonObject notes = new JsonObject();
        if (!substituted.isEmpty()) {
            JsonObject table = new JsonObject();
            substituted.forEach(table::addProperty);
            notes.add("fonts_substituted", table);
        }
        if (!missing.isEmpty()) {
            JsonArray list = new JsonArray();
            missing.forEach(list::add);
            notes.add("fonts_not_installed", list);
        }
        return notes;
    }

    private static Properties substitutes() {
        Properties table = new Properties();
        try (InputStream in = FontBook.class.getResourceAsStream("/captchaocr/generator/font-substitutes.properties")) {
            table.load(new InputStreamReader(in, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IllegalStateException("font-substitutes.properties is not in the jar", e);
        }
        return table;
    }
}
