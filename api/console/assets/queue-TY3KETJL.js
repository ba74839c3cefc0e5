import{a as e}from"./part-27FHMEDT.js";import"./part-NSCZCWF2.js";var o=document.querySelector("#queue");o&&e(o);
