// What the page gives to its script.

export interface Given {
  id: string;
  text: string;
  /** Of the text in force; '' for a rule that is not there yet. */
  hash: string;
  etag: string;
  status: string;
  may_write: boolean;
  may_backtest: boolean;
}

export const pathOf = (given: Given): string => `/v1/patterns/${encodeURIComponent(given.id)}`;
