package weir.flink;

import java.io.Serializable;

/** Knows where the topics of control records and of models end now. */
interface Ends extends Serializable {
    /**
     * One past the last record of a topic, as it is at the call; `from` where there is no record from there on.
     *
     * @param tag CONTROL or MODEL of Wire.Source.
     * @param from an offset that is known to be at or before the end.
     */
    long end(char tag, long from) throws Exception;
}
