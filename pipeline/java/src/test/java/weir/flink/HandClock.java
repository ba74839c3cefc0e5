package weir.flink;

import org.apache.flink.util.clock.RelativeClock;

/** A clock set by hand. */
final class HandClock implements RelativeClock {
    long nowMs;

    @Override
    public long relativeTimeMillis() {
        return nowMs;
    }

    @Override
    public long relativeTimeNanos() {
        return nowMs * 1_000_000;
    }
}
