import{a as o}from"./part-GPXONKQV.js";import{b as e}from"./part-XMZPIRJ3.js";var t=document.querySelector("#features");t&&o(t);e("search",()=>document.getElementById("search")?.focus());
