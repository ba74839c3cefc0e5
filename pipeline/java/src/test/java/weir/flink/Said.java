package weir.flink;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkOutput;

/** What a partition's generator of watermarks says. */
final class Said implements WatermarkOutput {
    final List<Long> marks = new ArrayList<>();
    int idle;
    int active;

    @Override
    public void emitWatermark(Watermark mark) {
        marks.add(mark.getTimestamp());
    }

    @Override
    public void markIdle() {
        idle++;
    }

    @Override
    public void markActive() {
        active++;
    }
}
