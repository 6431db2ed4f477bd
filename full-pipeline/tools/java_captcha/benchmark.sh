#!/bin/sh
# Speed of the generators against the straightforward way: ./benchmark.sh [COUNT] [THREADS] [STYLE,...]
set -e
cd "$(dirname "$0")"
"$(command -v mvn || echo ./mvnw)" -q -B package -DskipTests
exec java -cp "target/test-classes:EasyCaptcha/lib/*" captchaocr.generator.bench.SpeedBenchmark "$@"
